#include "source/suspects.h"

#include <algorithm>
#include <iterator>

namespace modelrun::source {
namespace {

Error refusal(std::uint32_t deaths) {
  return {ErrorKind::kUnavailable,
          fmt::format("modelrun-source died {} times while it worked on this repository, so it is not asked again for "
                      "now: make the repository smaller or simpler",
                      deaths)};
}

}  // namespace

Suspects::Instant Suspects::refused_until(const Suspect& suspect) {
  if (suspect.deaths < kDeaths) return suspect.last_death;
  const auto doublings = std::min<std::uint32_t>(suspect.deaths - kDeaths, 10);
  return suspect.last_death + std::min<Instant::duration>(kRefusal * (1U << doublings), kLongestRefusal);
}

Result<Suspects::Ticket> Suspects::begin(std::string namespace_, std::string url) {
  Ticket::Key key{std::move(namespace_), std::move(url)};
  const MutexLock lock(mutex_);
  const auto found = suspects_.find(key);
  if (found == suspects_.end()) return Ticket(*this, std::move(key), false);
  Suspect& suspect = found->second;
  const auto now = now_();
  if (now < refused_until(suspect)) return std::unexpected(refusal(suspect.deaths));
  if (std::ranges::any_of(suspects_, [](const auto& each) { return each.second.working; })) {
    return fail(ErrorKind::kUnavailable,
                "modelrun-source died while it worked on this repository and others, which are asked for one by one "
                "now; it is not this one's turn");
  }
  // While it was refused nobody could ask: the time without a death begins after that.
  if (now >= refused_until(suspect) + kLongestRefusal) {
    suspects_.erase(found);
    return Ticket(*this, std::move(key), false);
  }
  suspect.working = true;
  return Ticket(*this, std::move(key), true);
}

Suspects::Ticket::~Ticket() {
  if (suspects_ == nullptr) return;
  const MutexLock lock(suspects_->mutex_);
  suspects_->release(*this);
}

void Suspects::release(const Ticket& ticket) {
  const auto found = suspects_.find(ticket.key_);
  if (found != suspects_.end() && ticket.suspect_) found->second.working = false;
}

void Suspects::Ticket::fetched() {
  Suspects& all = *std::exchange(suspects_, nullptr);
  const MutexLock lock(all.mutex_);
  all.release(*this);
  const auto found = all.suspects_.find(key_);
  if (found == all.suspects_.end()) return;
  if (found->second.deaths > 0) --found->second.deaths;
  if (found->second.deaths == 0 && !found->second.working) all.suspects_.erase(found);
}

Error Suspects::Ticket::died(Death death) {
  Suspects& all = *std::exchange(suspects_, nullptr);
  const MutexLock lock(all.mutex_);
  all.release(*this);
  if (!all.suspects_.contains(key_)) all.make_room(key_.first);
  auto& suspect = all.suspects_[key_];
  suspect.last_death = all.now_();
  if (death == Death::kRequest || suspect_) ++suspect.deaths;
  if (suspect.deaths >= kDeaths) return refusal(suspect.deaths);
  return {ErrorKind::kUnavailable,
          "modelrun-source died while it worked on this repository, perhaps for lack of memory"};
}

void Suspects::make_room(const std::string& namespace_) {
  const auto last_death = [](const auto& each) { return each.second.last_death; };
  const auto first = suspects_.lower_bound({namespace_, std::string()});
  const auto last =
      std::find_if(first, suspects_.end(), [&](const auto& each) { return each.first.first != namespace_; });
  if (static_cast<std::size_t>(std::distance(first, last)) >= kMaxOfNamespace) {
    suspects_.erase(std::ranges::min_element(first, last, {}, last_death));
  } else if (suspects_.size() >= kMaxRemembered) {
    suspects_.erase(std::ranges::min_element(suspects_, {}, last_death));
  }
}

}  // namespace modelrun::source
