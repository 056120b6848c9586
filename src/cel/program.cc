#include "cel/program.h"

#include "cel/internal/checker.h"
#include "cel/internal/emitter.h"
#include "cel/internal/evaluation.h"
#include "cel/internal/faults.h"
#include "cel/internal/parser.h"
#include "cel/internal/source.h"

namespace ciyuan::cel {

namespace {

constexpr std::size_t kBlockRoom = 1 << 18;
constexpr std::size_t kComputedBytesMax = 1 << 18;  ///< of constants that compilation computes

}  // namespace

Program::Program() = default;
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;

Result<Program> Program::compile(std::string_view source, const Environment& environment,
                                 const Options& options) {
  CIYUAN_TRY(Tree tree, Parser::parse(source, options.limits));
  Program made;
  made.source_ = source;
  CIYUAN_TRY(made.type_, Checker::check(source, tree, environment, options));
  // A literal and a field's name are no longer than in the source, each aligned, and blocks end with less
  // than the next one needs unused.
  const std::size_t literals =
      4 * options.limits.source_bytes_max + 32 * options.limits.nodes_max + kBlockRoom;
  made.codes_ = std::make_unique<Codes>(literals, kComputedBytesMax);
  CIYUAN_TRY(made.cost_, Emitter(source, tree, environment, *made.codes_).emit());
  if (made.cost_ > options.limits.cost_max) {
    return error_at(
        source, tree[tree.root].offset,
        "the expression may take " + std::to_string(made.cost_) + " steps; at most " +
            std::to_string(options.limits.cost_max) +
            " are allowed (nested loops and long texts multiply; smaller bounds of the variables help)",
        ErrorCode::kTooLarge);
  }
  for (Slot slot = 0; slot < environment.size(); ++slot) made.variables_.push_back(environment.name(slot));
  return made;
}

Result<Value> Program::evaluate(const Activation& activation, Arena& arena, std::uint64_t steps_max) const {
  CIYUAN_CHECK(activation.values().size() == variables_.size(),
               "an activation is of the program's environment");
  Evaluation evaluation(*codes_, activation.values().data(), arena, steps_max);
  const Value found = evaluation.run(codes_->root);
  if (!evaluation.spent() && !found.is_error()) [[likely]]
    return found;
  return error_of(evaluation.spent() ? Value::error(Fault::kSpent, found.fault_where()) : found);
}

Error Program::error_of(const Value& fault) const {
  const Code& code = codes_->nodes[fault.fault_where()];
  const std::string_view variable =
      code.op == Op::kVariable ? std::string_view(variables_[code.number]) : std::string_view();
  return error_at(source_, code.offset, fault_text(fault, variable),
                  fault.fault() == Fault::kSpent ? ErrorCode::kTooLarge : ErrorCode::kInvalid);
}

}  // namespace ciyuan::cel
