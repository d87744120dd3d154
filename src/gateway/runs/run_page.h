// Lists of runs, page by page. Pure.
//
// The usual order is: newest first by the time of creation, which has whole seconds; in one second those without a
// number come first, then the highest number. In the other orders, runs that are equal stand in this one. A cursor is
// the place of the last run of a page, so runs that are created or deleted in between move no other run. In the usual
// order the only change of a run that moves it is that it gets its number: then it may be listed a second time, but it
// is not left out. In the order of durations or of statuses a run also moves when it ends.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/model_run.h"
#include "base/error.h"
#include "gateway/runs/run_summary.h"

namespace modelrun::gateway {

enum class RunSort {
  kCreated,
  kDuration,  // of the model; a run that has not ended, or whose model never ran, counts as the shortest
  kName,      // the project, then the model
  kStatus,    // the status word
};

struct RunPlace {
  std::int64_t measure = 0;   // what a run is sorted by before its creation, as a number
  std::string first, second;  // or as texts
  Time created{};
  std::int64_t number = 0;
  std::string uid;
};

struct RunQuery {
  std::optional<api::Phase> phase;  // only runs that have its status word
  std::string search;               // only runs in which each of its words occurs (matches())
  RunSort sort = RunSort::kCreated;
  bool ascending = false;
  std::size_t limit = 10;         // runs in the page
  std::optional<RunPlace> after;  // only runs that come after this place
};

struct RunPage {
  std::vector<RunSummary> runs;
  bool more = false;      // runs come after these
  std::size_t total = 0;  // of all pages
};

// The longest text that is searched for, in bytes.
inline constexpr std::size_t kMaxSearchBytes = 100;

// Whether each word of `search` occurs in the run's project, model, branch, status word, commit, run id or number
// ("#12"), upper and lower case being the same.
bool matches(const RunSummary& run, std::string_view search);

// The page of `runs`, which may be in any order, that `query` asks for.
RunPage page_of(std::vector<RunSummary> runs, const RunQuery& query);

// The query that the arguments limit, status, search, sort and cursor stand for. `list` names what is listed, such as
// "ns/project". Status, search and sort stay those of the first page when the cursor comes without them. kInvalid if
// `search` is longer than kMaxSearchBytes, or the cursor is malformed, of another list, or of another status, search
// or sort than is given. REQUIRES: limit and status fit the schema of list_runs, and sort is one of sort_words().
Result<RunQuery> run_query(const nlohmann::json& arguments, const std::string& list);
// The cursor for what comes after `page`; null if nothing does.
nlohmann::json next_cursor(const RunPage& page, const RunQuery& query, const std::string& list);

// The words for `sort`, the usual one first. "-" stands for descending.
const std::vector<std::string>& sort_words();

}  // namespace modelrun::gateway
