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
auto rank_of(Time created, std::int64_t number, std::string_view uid) {
  return std::tuple(created, number > 0 ? number : std::numeric_limits<std::int64_t>::max(), uid);
}

auto rank_of(const RunSummary& run) {
  return rank_of(run.created, run.number, run.key.uid);
}

auto rank_of(const RunPlace& place) {
  return rank_of(place.created, place.number, place.uid);
}

std::string word_of(const std::optional<api::Phase>& phase) {
  return phase ? std::string(status_word(*phase)) : std::string();
}

}  // namespace

RunPage page_of(std::vector<RunSummary> runs, const RunQuery& query) {
  const auto word = word_of(query.phase);
  std::erase_if(runs, [&](const RunSummary& run) {
    if (!word.empty() && status_word(run.phase) != word) return true;
    return query.after && rank_of(run) >= rank_of(*query.after);
  });
  const bool more = runs.size() > query.limit;
  const auto end = runs.begin() + static_cast<std::ptrdiff_t>(std::min(runs.size(), query.limit));
  std::ranges::partial_sort(runs, end,
                            [](const RunSummary& a, const RunSummary& b) { return rank_of(a) > rank_of(b); });
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
  const auto& last = page.runs.back();
  return encode_cursor(kKind, {{"list", list},
                               {"status", word_of(query.phase)},
                               {"created", last.created.time_since_epoch().count()},
                               {"number", last.number},
                               {"uid", last.key.uid}});
}

}  // namespace modelrun::gateway
