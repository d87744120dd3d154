// Lists of runs, page by page. Pure.
//
// The order is: newest first by the time of creation, which has whole seconds; in one second those without a number
// come first, then the highest number. A cursor is the place of the last run of a page, so runs that are created or
// deleted in between move no other run. The only change of a run that moves it is that it gets its number: then it
// may be listed a second time, but it is not left out.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/model_run.h"
#include "base/error.h"
#include "gateway/runs/run_summary.h"

namespace modelrun::gateway {

struct RunPlace {
  Time created{};
  std::int64_t number = 0;
  std::string uid;
};

struct RunQuery {
  std::optional<api::Phase> phase;  // only runs that have its status word
  std::size_t limit = 10;           // runs in the page
  std::optional<RunPlace> after;    // only runs that come after this place
};

struct RunPage {
  std::vector<RunSummary> runs;
  bool more = false;  // runs come after these
};

// The page of `runs`, which may be in any order, that `query` asks for.
RunPage page_of(std::vector<RunSummary> runs, const RunQuery& query);

// The query that the arguments limit, status and cursor stand for. `list` names what is listed, such as "ns/project".
// The status stays that of the first page when the cursor comes without one. kInvalid if the cursor is malformed, of
// another list, or of another status than the one that is given. REQUIRES: limit and status fit the schema of
// list_runs.
Result<RunQuery> run_query(const nlohmann::json& arguments, const std::string& list);
// The cursor for what comes after `page`; null if nothing does.
nlohmann::json next_cursor(const RunPage& page, const RunQuery& query, const std::string& list);

}  // namespace modelrun::gateway
