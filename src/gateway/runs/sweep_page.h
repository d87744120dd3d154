// Lists of sweeps, page by page: newest first by the time of creation, and in one second by UID. A cursor is the place
// of the last sweep of a page, so sweeps that are created or deleted in between move no other. Pure.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/model_run.h"
#include "base/error.h"
#include "gateway/runs/sweep_summary.h"

namespace modelrun::gateway {

struct SweepPlace {
  Time created{};
  std::string uid;
};

struct SweepQuery {
  std::optional<api::Phase> phase;  // only sweeps that have its status word
  std::size_t limit = 10;           // sweeps in the page
  std::optional<SweepPlace> after;  // only sweeps that come after this place
};

struct SweepPage {
  std::vector<SweepSummary> sweeps;
  bool more = false;      // sweeps come after these
  std::size_t total = 0;  // of all pages
};

// The page of `sweeps`, which may be in any order, that `query` asks for.
SweepPage page_of(std::vector<SweepSummary> sweeps, const SweepQuery& query);

// The query that the arguments limit, status and cursor stand for. `list` names what is listed: "namespace/project".
// The status stays that of the first page when the cursor comes without it. kInvalid if the cursor is malformed, of
// another list or of another status than is given. REQUIRES: limit and status fit the schema of list_sweeps.
Result<SweepQuery> sweep_query(const nlohmann::json& arguments, const std::string& list);
// The cursor for what comes after `page`; null if nothing does.
nlohmann::json next_cursor(const SweepPage& page, const SweepQuery& query, const std::string& list);

}  // namespace modelrun::gateway
