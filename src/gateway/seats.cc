#include "gateway/seats.h"

#include <algorithm>

#include "base/canonical_json.h"
#include "base/json.h"

namespace ciyuan::gateway {
namespace {

constexpr std::size_t kPage = 1000;

std::string prefix_of(const contract::Licence& licence) {
  return licence.name + "/" + to_rfc3339(licence.from) + "/";
}

Status add_paper(clerk::Settle& command, const contract::Licence& licence, const std::string& holder,
                 const std::string& seat, TimePoint assigned, TimePoint released) {
  Json paper = {{"kind", "Seat"},
                {"name", prefix_of(licence) + holder},
                {"licence", licence.name},
                {"holder", holder},
                {"assigned", to_rfc3339(assigned)}};
  if (seat != holder) paper["seat"] = seat;
  if (released != TimePoint{}) paper["released"] = to_rfc3339(released);
  CIYUAN_TRY(std::string canonical, canonical_json(paper));
  command.papers.push_back({"Seat", prefix_of(licence) + holder, std::move(canonical)});
  return {};
}

TimePoint moment_at(const Json& paper, const char* member) {
  auto found = paper.find(member);
  if (found == paper.end() || !found->is_string()) return {};
  Result<TimePoint> at = parse_rfc3339(found->get_ref<const std::string&>());
  return at.ok() ? *at : TimePoint{};
}

}  // namespace

Result<Seats::Term*> Seats::term_of(const contract::Licence& licence, store::Reader& reader) {
  const std::string prefix = prefix_of(licence);
  if (auto known = terms_.find(prefix); known != terms_.end()) return &known->second;
  Term term;
  std::string after;
  for (bool more = true; more;) {
    CIYUAN_TRY(std::vector<store::DocumentRow> page, reader.documents_of("Seat", prefix, after, kPage));
    more = page.size() == kPage;
    if (more) after = page.back().name;
    for (const store::DocumentRow& row : page) {
      CIYUAN_TRY(Json paper, parse_json(row.json));
      if (paper.contains("released")) continue;
      const TimePoint assigned = moment_at(paper, "assigned");
      const std::string holder = row.name.substr(prefix.size());
      term.seats[holder] = {paper.value("seat", holder), assigned, assigned, true};
    }
  }
  // Seats whose commands are under way are not in the papers yet, and taken all the same.
  if (auto others = under_way_.find(prefix); others != under_way_.end()) {
    term.seats.merge(others->second);
    under_way_.erase(others);
  }
  return &terms_.emplace(prefix, std::move(term)).first->second;
}

// Whose seat has been idle for long enough; the one idle longest. Empty: nobody's.
std::string Seats::idle_holder(const contract::Licence& licence, const Term& term, TimePoint now) {
  std::string longest;
  TimePoint since = now;
  for (const auto& [holder, seat] : term.seats) {
    if (!seat.is_recorded || now < seat.used + licence.idle || now < seat.assigned + licence.cool_down)
      continue;
    if (seat.used >= since) continue;
    longest = holder;
    since = seat.used;
  }
  return longest;
}

// The holder's, unless another sits on the seat that is named so.
std::string Seats::new_name(const Term& term, const std::string& holder) {
  auto is_taken = [&](const std::string& name) {
    return std::any_of(term.seats.begin(), term.seats.end(),
                       [&](const auto& other) { return other.second.name == name; });
  };
  std::string name = holder;
  for (int number = 2; is_taken(name); ++number) name = holder + "~" + std::to_string(number);
  return name;
}

// Memory knows the calls since the start; the records know those before.
Status Seats::look_at_records(const contract::Licence& licence, Term& term, TimePoint now,
                              store::Reader& reader, std::unique_lock<std::mutex>& lock) {
  term.looked = now;
  std::map<std::string, TimePoint> used;
  for (const auto& [holder, seat] : term.seats) used[holder] = {};
  lock.unlock();
  Status read;
  for (auto& [holder, at] : used) {
    store::RecordFilter filter;
    filter.contract = licence.contract;
    (licence.seat_of_session ? filter.session : filter.key) = holder;
    filter.rows_max = 1;
    Result<std::vector<store::RecordRow>> newest = reader.records(filter);
    if (!newest.ok()) {
      read = newest.error();
      break;
    }
    if (!newest->empty()) at = newest->front().at;
  }
  lock.lock();
  // Meanwhile the term may have been read anew.
  auto present = terms_.find(prefix_of(licence));
  if (present == terms_.end()) return read;
  if (!read.ok()) present->second.looked = {};
  for (const auto& [holder, at] : used)
    if (auto seat = present->second.seats.find(holder); seat != present->second.seats.end())
      seat->second.used = std::max(seat->second.used, at);
  return read;
}

Result<Seats::Taken> Seats::take(const contract::Licence& licence, const std::string& holder, TimePoint now,
                                 store::Reader& reader) {
  std::unique_lock lock(mutex_);
  CIYUAN_TRY(Term * term, term_of(licence, reader));
  auto is_full = [&] {
    return !term->seats.contains(holder) && term->seats.size() >= static_cast<std::size_t>(licence.seats);
  };
  if (is_full() && licence.idle.count != 0 &&
      (term->looked == TimePoint{} || now >= term->looked + kLookAgainAfter)) {
    CIYUAN_TRY_STATUS(look_at_records(licence, *term, now, reader, lock));
    CIYUAN_TRY(term, term_of(licence, reader));
  }
  if (auto found = term->seats.find(holder); found != term->seats.end()) {
    Seat& seat = found->second;
    seat.used = std::max(seat.used, now);
    if (seat.is_recorded) return Taken{seat.name, std::nullopt};
    // Another call of the holder is about to record it: the same again changes nothing.
    clerk::Settle again{.at = now, .actor = "seats", .papers = {}, .postings = {}};
    CIYUAN_TRY_STATUS(add_paper(again, licence, holder, seat.name, seat.assigned, {}));
    return Taken{seat.name, std::move(again)};
  }
  clerk::Settle command{.at = now, .actor = "seats", .papers = {}, .postings = {}};
  std::string name;
  if (is_full()) {
    const std::string idle = licence.idle.count == 0 ? "" : idle_holder(licence, *term, now);
    if (idle.empty())
      return Error{
          ErrorCode::kRefused,
          "all " + std::to_string(licence.seats) + " seats of the licence " + licence.name + " are taken",
          licence.clause()};
    const Seat& seat = term->seats[idle];
    name = seat.name;
    CIYUAN_TRY_STATUS(add_paper(command, licence, idle, name, seat.assigned, now));
    term->seats.erase(idle);
  } else {
    name = new_name(*term, holder);
  }
  CIYUAN_TRY_STATUS(add_paper(command, licence, holder, name, now, {}));
  term->seats[holder] = {name, now, now, false};
  return Taken{name, std::move(command)};
}

void Seats::confirm(const contract::Licence& licence, const std::string& holder) {
  std::lock_guard lock(mutex_);
  const std::string prefix = prefix_of(licence);
  if (auto others = under_way_.find(prefix); others != under_way_.end()) others->second.erase(holder);
  auto term = terms_.find(prefix);
  if (term == terms_.end()) return;
  if (auto seat = term->second.seats.find(holder); seat != term->second.seats.end())
    seat->second.is_recorded = true;
}

// The papers are read again: whether the command was done is not known, and whose seat it took neither.
void Seats::give_back(const contract::Licence& licence, const std::string& holder) {
  std::lock_guard lock(mutex_);
  const std::string prefix = prefix_of(licence);
  auto& others = under_way_[prefix];
  if (auto term = terms_.find(prefix); term != terms_.end()) {
    for (const auto& [name, seat] : term->second.seats)
      if (!seat.is_recorded) others.emplace(name, seat);
    terms_.erase(term);
  }
  others.erase(holder);
}

}  // namespace ciyuan::gateway
