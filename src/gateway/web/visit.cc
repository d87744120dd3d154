#include "gateway/web/visit.h"

namespace modelrun::gateway {

Result<Place> Places::take(const Identity& caller) {
  auto owner = share_of(caller);
  const MutexLock lock(mutex_);
  const auto found = by_owner_.find(owner);
  const int own = found == by_owner_.end() ? 0 : found->second;
  if (own >= limits_.per_caller) {
    if (flag_.empty()) {
      return fail(ErrorKind::kThrottled, "you have {} such calls under way, as many as one caller may have: try again",
                  own);
    }
    return fail(ErrorKind::kThrottled,
                "you have {} calls open here, as many as one caller may have (--{}-per-caller): end one or try again "
                "later; mode 'async' and get_run keep none open",
                own, flag_);
  }
  if (taken_ >= limits_.total) {
    if (flag_.empty())
      return fail(ErrorKind::kThrottled, "too many such calls of all callers are under way: try again");
    return fail(ErrorKind::kThrottled,
                "too many calls of all callers are open here (--{}): use mode 'async' and get_run, or try again later",
                flag_);
  }
  ++taken_;
  by_owner_[owner] = own + 1;
  gauge_.Increment();
  return Place(this, [owner = std::move(owner)](void* places) { static_cast<Places*>(places)->leave(owner); });
}

void Places::leave(const std::string& owner) {
  const MutexLock lock(mutex_);
  gauge_.Decrement();
  --taken_;
  const auto found = by_owner_.find(owner);
  if (--found->second == 0) by_owner_.erase(found);
}

}  // namespace modelrun::gateway
