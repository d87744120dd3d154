// What the services of runs and of sweeps do alike with the objects of their kind: rights, look-ups by id, reads, lists
// and cancelling, for one caller. Internal to gateway/runs.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "gateway/auth/identity.h"
#include "gateway/runs/names.h"
#include "gateway/runs/rights.h"
#include "kube/client.h"
#include "kube/refusal.h"
#include "runtime/steady_clock.h"

namespace modelrun::gateway {

// kUnavailable until `cache`, a SummaryCache, has been filled: until then an object that it does not show may be there.
template <class Cache>
Result<void> demand_filled(const Cache& cache, const IdWords& words) {
  if (cache.filled()) return {};
  return fail(ErrorKind::kUnavailable,
              "the {}s are not known here yet: try again in a second; if that lasts, an administrator finds the reason "
              "in the gateway's log",
              words.noun);
}

// Objects of one kind, of which a SummaryCache keeps summaries. Thread-safe. Everything that it refers to must outlive
// it. Every method but absent() blocks.
template <class Cache>
class WatchedObjects {
 public:
  using Object = Cache::Object;
  using Summary = Cache::Summary;
  using Key = Cache::Key;
  using Decode = Object (*)(const kube::Json&);

  WatchedObjects(kube::Client& client, Access& access, Cache& cache, const kube::Resource& resource, IdWords words,
                 Decode decode)
      : client_(client), access_(access), cache_(cache), resource_(resource), words_(words), decode_(decode) {}

  // The message for an object that is not there, or that the caller may not see.
  [[nodiscard]] std::string absent(std::string_view id) const { return no_object(words_, id); }

  // Succeeds if `caller` may do `verb` with the objects of the namespace; else as gateway::demand(). `what` is the verb
  // in the message: "start" gives "start runs".
  Result<void> demand(const Identity& caller, std::string_view verb, const std::string& namespace_,
                      std::string_view what, const std::string& absent, std::stop_token stop) const {
    return gateway::demand(access_, caller, to(verb, resource_, namespace_), resource_,
                           fmt::format("{} {}s", what, words_.noun), absent, std::move(stop));
  }
  // The same for seeing the object with this UID.
  Result<void> demand_sight(const Identity& caller, const std::string& namespace_, std::string_view uid,
                            std::stop_token stop) const {
    return demand(caller, "get", namespace_, "see", absent(uid), std::move(stop));
  }

  // Asks no rights. kNotFound also if another object (another UID) has that name now.
  Result<Object> read_live(const Key& key, std::stop_token stop) const {
    const auto answer = client_.get_answer(resource_, key.namespace_, key.name, std::move(stop));
    if (!answer && answer.error().kind == ErrorKind::kNotFound) {
      return fail(ErrorKind::kNotFound, "{}", absent(key.uid));
    }
    if (!answer) return std::unexpected(own_fault(answer.error()));
    auto read = answer->read(decode_);
    if (!read) return std::unexpected(own_fault(read.error()));
    if (read->meta.uid != key.uid) return fail(ErrorKind::kNotFound, "{}", absent(key.uid));
    cache_.note(*read);
    return read;
  }

  // As read_live(), for those who may see it.
  Result<Object> read(const Identity& caller, const Key& key, std::stop_token stop) const {
    RETURN_IF_ERROR(demand_sight(caller, key.namespace_, key.uid, stop));
    return read_live(key, std::move(stop));
  }

  // See RunService::refresh_summary().
  Result<Summary> refresh(const Identity& caller, const Key& key, bool live, std::stop_token stop) const {
    RETURN_IF_ERROR(demand_sight(caller, key.namespace_, key.uid, stop));
    auto known = cache_.find(key);
    if (known && !live) return std::move(*known);
    const auto read = read_live(key, std::move(stop));
    RETURN_IF_ERROR(read);
    return summarize(*read);
  }

  // All of a project, in no particular order. kNotFound if there is no such project, or if the caller may not list
  // there.
  Result<std::vector<Summary>> of_project(const Identity& caller, const ProjectRef& project,
                                          std::stop_token stop) const {
    const auto lists = may(access_, caller, "list", resource_, project.namespace_, stop);
    RETURN_IF_ERROR(lists);
    if (!*lists) return fail(ErrorKind::kNotFound, "{}", no_project(project));
    RETURN_IF_ERROR(demand_filled(cache_, words_));
    auto found = cache_.of_project(project);
    if (found.empty()) RETURN_IF_ERROR(read_project(client_, project, std::move(stop)));
    return found;
  }

  // See RunService::cancel().
  Result<Summary> cancel(const Identity& caller, const Key& key, std::stop_token stop) const {
    RETURN_IF_ERROR(demand(caller, "patch", key.namespace_, "cancel", absent(key.uid), stop));
    const auto before = read_live(key, stop);
    RETURN_IF_ERROR(before);
    if (api::is_final(before->status.phase)) return summarize(*before);
    // The UID in the patch is a precondition: another object may have taken the name.
    const auto answer =
        client_.patch_answer(resource_, key.namespace_, key.name, kube::PatchType::kMerge,
                             {{"metadata", {{"uid", key.uid}}}, {"spec", {{"cancel", true}}}}, {}, stop);
    if (!answer && answer.error().kind == ErrorKind::kNotFound) {
      return fail(ErrorKind::kNotFound, "{}", absent(key.uid));
    }
    if (!answer) return std::unexpected(own_fault(kube::plain_refusal(answer.error())));
    const auto now = answer->read(decode_);
    if (!now) return std::unexpected(own_fault(now.error()));
    cache_.note(*now);
    return summarize(*now);
  }

  // The only object that the caller may see whose UID begins with `id`. Fails as RunService::find_summary().
  //
  // An object cannot be read by its UID. One that the watch has not shown yet was made a moment ago, so the client is
  // told to try again instead of listing a namespace that may have thousands.
  Result<Summary> find(const Identity& caller, std::string_view id, const std::stop_token& stop) const {
    const auto digits = id_digits(id, words_);
    RETURN_IF_ERROR(digits);
    const auto filled = demand_filled(cache_, words_);
    auto seen = shown(caller, *digits, stop);
    RETURN_IF_ERROR(seen);
    // A whole id that the cache shows has no other object.
    if (!filled && (seen->empty() || digits->size() < kUuidDigits)) return std::unexpected(filled.error());
    if (seen->empty()) {
      const auto complete = watch_is_complete(caller, stop);
      RETURN_IF_ERROR(complete);
      // The object may be the one that the watch has brought since the first look, and by which it is complete now.
      seen = shown(caller, *digits, stop);
      RETURN_IF_ERROR(seen);
      if (seen->empty() && *complete) return fail(ErrorKind::kNotFound, "{}", no_object(words_, *digits));
      if (seen->empty()) {
        return fail(ErrorKind::kUnavailable, "{} {} is not known here yet: try again in a second", words_.noun,
                    *digits);
      }
    }
    if (seen->size() == 1) return std::move(seen->front());
    return std::unexpected(ambiguous(id, std::move(*seen)));
  }

 private:
  static constexpr std::size_t kCandidates = 10;  // named in the error for an ambiguous id
  // A watch brings an object some milliseconds after its creation.
  static constexpr std::chrono::milliseconds kWatchLag{300};
  static constexpr std::chrono::milliseconds kWatchPoll{20};
  // Each holds one of the gateway's threads, and whoever deletes objects all the time makes the count wrong.
  static constexpr int kMostWaiting = 2;

  // One call that may wait for the watch, if not too many do already.
  class WatchWait {
   public:
    explicit WatchWait(std::atomic<int>& waiting) : waiting_(waiting), allowed_(++waiting <= kMostWaiting) {}
    ~WatchWait() { --waiting_; }
    WatchWait(const WatchWait&) = delete;
    WatchWait& operator=(const WatchWait&) = delete;
    [[nodiscard]] bool allowed() const { return allowed_; }

   private:
    std::atomic<int>& waiting_;
    const bool allowed_;
  };

  // The objects whose UID begins with `digits` that the watch shows and the caller may see; at most kCandidates + 1.
  Result<std::vector<Summary>> shown(const Identity& caller, std::string_view digits,
                                     const std::stop_token& stop) const {
    std::vector<Summary> seen;
    for (auto& each : cache_.by_uid(digits)) {
      const auto sees = may(access_, caller, "get", resource_, each.key.namespace_, stop);
      RETURN_IF_ERROR(sees);
      if (!*sees) continue;
      seen.push_back(std::move(each));
      if (seen.size() > kCandidates) break;
    }
    return seen;
  }

  // Whether the watch shows as many objects of the caller's namespace as there are, as far as the caller may know. One
  // read, of one object's metadata. Waits kWatchLag at most for what other calls are creating at that moment, unless
  // kMostWaiting calls do, so that a caller in a busy namespace is told that there is no such object rather than to try
  // again.
  Result<bool> watch_is_complete(const Identity& caller, const std::stop_token& stop) const {
    const auto lists = may(access_, caller, "list", resource_, caller.namespace_, stop);
    RETURN_IF_ERROR(lists);
    if (!*lists) return true;
    std::int64_t there = 0;
    const auto meta = client_.list_each(
        resource_, {.namespace_ = caller.namespace_, .limit = 1, .metadata_only = true},
        [&there](const kube::Json&) { ++there; }, stop);
    if (!meta) return std::unexpected(own_fault(meta.error()));
    const auto shows_all = [this, &caller, count = there + meta->remaining] {
      return static_cast<std::int64_t>(cache_.count_in(caller.namespace_)) >= count;
    };
    bool all = shows_all();
    const WatchWait wait(waiting_);
    runtime::RealSteadyClock clock;
    const auto deadline = clock.now() + kWatchLag;
    // Nothing tells of a count that has changed, so it is looked at now and then.
    while (!all && wait.allowed() && clock.now() < deadline && clock.sleep(kWatchPoll, stop)) all = shows_all();
    return all;
  }

  Error ambiguous(std::string_view id, std::vector<Summary> seen) const {
    const bool more = seen.size() > kCandidates;
    if (more) seen.resize(kCandidates);
    std::ranges::sort(seen, std::ranges::greater{}, &Summary::created);
    std::string text;
    for (const auto& each : seen) {
      text +=
          fmt::format("{}{} ({}, {})", text.empty() ? "" : "; ", each.key.uid, each.project, status_word(each.phase));
    }
    return {ErrorKind::kInvalid, fmt::format("{} {} is ambiguous: {}{}. Give more digits", words_.name, id, text,
                                             more ? "; and others" : "")};
  }

  kube::Client& client_;
  Access& access_;
  Cache& cache_;
  const kube::Resource& resource_;
  const IdWords words_;
  const Decode decode_;
  mutable std::atomic<int> waiting_ = 0;  // calls in watch_is_complete()
};

}  // namespace modelrun::gateway
