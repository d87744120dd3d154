#include "gateway/runs/run_page.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "api/json_access.h"
#include "gateway/runs/cursor.h"
#include "gateway/runs/names.h"

namespace modelrun::gateway {
namespace {

using api::int_at;
using api::text_at;
using nlohmann::json;

constexpr std::string_view kKind = "runs";

// Greater is earlier in the list. A run that has no number yet counts as having the highest: when it gets one it moves
// away from the beginning, so that a reader who has passed it has seen it.
auto rank_of(const RunPlace& place) {
  const auto number = place.number > 0 ? place.number : std::numeric_limits<std::int64_t>::max();
  return std::tuple(place.created, number, std::string_view(place.uid));
}

RunPlace place_of(const RunSummary& run) {
  return {run.created, run.number, run.key.uid};
}

std::string word_of(const std::optional<api::Phase>& phase) {
  return phase ? std::string(status_word(*phase)) : std::string();
}

}  // namespace

RunPage page_of(std::vector<RunSummary> runs, const RunQuery& query) {
  const auto word = word_of(query.phase);
  std::erase_if(runs, [&](const RunSummary& run) {
    if (!word.empty() && status_word(run.phase) != word) return true;
    if (!query.after) return false;
    const auto place = place_of(run);
    return rank_of(place) >= rank_of(*query.after);
  });
  std::ranges::sort(runs, [](const RunSummary& a, const RunSummary& b) {
    const auto first = place_of(a);
    const auto second = place_of(b);
    return rank_of(first) > rank_of(second);
  });
  const bool more = runs.size() > query.limit;
  if (more) runs.resize(query.limit);
  return {std::move(runs), more};
}

Result<RunQuery> run_query(const json& arguments, const std::string& list) {
  RunQuery query;
  query.limit = static_cast<std::size_t>(int_at(arguments, "limit").value_or(10));
  auto status = text_at(arguments, "status");
  if (const auto cursor = text_at(arguments, "cursor"); !cursor.empty()) {
    const auto place = decode_cursor(kKind, cursor);
    RETURN_IF_ERROR(place);
    if (text_at(*place, "list") != list) return std::unexpected(bad_cursor("it is of another project or namespace"));
    const auto before = text_at(*place, "status");
    if (!status.empty() && status != before) {
      return std::unexpected(bad_cursor("it was answered for another status"));
    }
    status = before;
    query.after = RunPlace{.created = Time(std::chrono::microseconds(int_at(*place, "created").value_or(0))),
                           .number = int_at(*place, "number").value_or(0),
                           .uid = text_at(*place, "uid")};
  }
  if (!status.empty()) query.phase = parse_status_word(status);
  return query;
}

json next_cursor(const RunPage& page, const RunQuery& query, const std::string& list) {
  if (!page.more || page.runs.empty()) return nullptr;
  const auto place = place_of(page.runs.back());
  return encode_cursor(kKind, {{"list", list},
                               {"status", word_of(query.phase)},
                               {"created", place.created.time_since_epoch().count()},
                               {"number", place.number},
                               {"uid", place.uid}});
}

}  // namespace modelrun::gateway
