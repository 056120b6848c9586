#include "token/pipeline/open_text.h"

#include <algorithm>
#include <utility>

namespace ciyuan::token::pipeline {

OpenText::OpenText(const OpenText& other)
    : chain_(other.chain_),
      start_(other.start_),
      growing_(other.growing_ ? other.growing_->copy() : nullptr),
      open_(other.open_),
      settled_(other.settled_),
      next_try_(other.next_try_) {}

OpenText& OpenText::operator=(OpenText other) {
  chain_ = other.chain_, start_ = other.start_;
  growing_ = std::move(other.growing_), open_ = std::move(other.open_);
  settled_ = other.settled_, next_try_ = other.next_try_;
  return *this;
}

void OpenText::append(std::string_view text) {
  open_ += text;
  if (open_.size() < next_try_) return;
  settle();
  // Half as much again, so that searching in vain costs a constant for each byte.
  next_try_ = open_.size() + open_.size() / 2 + 1;
}

std::uint64_t OpenText::most(std::size_t waiting) const {
  return settled_ + (growing_ ? growing_->most() : 0) + (open_.size() + waiting) * chain_->tokens_of_byte();
}

void OpenText::settle() {
  const auto found = chain_->restart(open_, start_, kKeptMax);
  if (!found) return;
  std::string last;
  bool has_last = false, is_first = true;
  std::unique_ptr<GrowingTokens> growing = std::move(growing_);
  // A piece is done with once another comes.
  const auto finish = [&] {
    if (growing)
      settled_ += growing->count();
    else if (has_last)
      settled_ += chain_->count_piece(last);
    growing.reset(), has_last = false;
  };
  chain_->cut(
      std::string_view(open_).substr(0, found->at), start_, true,
      [&](std::string_view piece) {
        if (std::exchange(is_first, false) && growing) return growing->append(piece);
        finish();
        last = piece, has_last = true;
      },
      [&] {
        is_first = false;
        finish();
        ++settled_;
      });
  if (!found->is_inside) {
    finish();
  } else {
    if (!growing) {
      growing = chain_->model().grow();
      if (has_last) growing->append(last);
    }
    growing_ = std::move(growing);
  }
  open_.erase(0, found->at);
  start_ = {start_.offset + found->at, found->continued, found->is_inside};
}

std::uint64_t OpenText::count(std::string_view waiting) const {
  std::string joined;
  std::string_view text = open_;
  if (!waiting.empty()) text = joined = open_ + std::string(waiting);
  std::unique_ptr<GrowingTokens> growing = growing_ ? growing_->copy() : nullptr;
  std::uint64_t total = settled_;
  bool is_first = true;
  chain_->cut(
      text, start_, false,
      [&](std::string_view piece) {
        if (std::exchange(is_first, false) && growing) return growing->append(piece);
        total += chain_->count_piece(piece);
      },
      [&] {
        is_first = false;
        ++total;
      });
  return total + (growing ? growing->count() : 0);
}

}  // namespace ciyuan::token::pipeline
