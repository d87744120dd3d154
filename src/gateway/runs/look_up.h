// How a run or a sweep is found by the id that a client gives: a UID or the beginning of one. Internal to gateway/runs.
#pragma once

#include <fmt/format.h>

#include <algorithm>
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

// Finds objects of one kind, of which a SummaryCache keeps summaries, for one caller. Everything that it refers to must
// outlive it. Every method blocks.
template <class Cache>
class LookUp {
 public:
  using Summary = Cache::Summary;

  LookUp(kube::Client& client, Access& access, const Cache& cache, const kube::Resource& resource, IdWords words)
      : client_(client), access_(access), cache_(cache), resource_(resource), words_(words) {}

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
  // read, of one object's metadata.
  Result<bool> watch_is_complete(const Identity& caller, const std::stop_token& stop) const {
    const auto lists = may(access_, caller, "list", resource_, caller.namespace_, stop);
    RETURN_IF_ERROR(lists);
    if (!*lists) return true;
    std::int64_t there = 0;
    const auto meta = client_.list_each(
        resource_, {.namespace_ = caller.namespace_, .limit = 1, .metadata_only = true},
        [&there](const kube::Json&) { ++there; }, stop);
    if (!meta) return std::unexpected(own_fault(meta.error()));
    return static_cast<std::int64_t>(cache_.count_in(caller.namespace_)) >= there + meta->remaining;
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
  const Cache& cache_;
  const kube::Resource& resource_;
  const IdWords words_;
};

}  // namespace modelrun::gateway
