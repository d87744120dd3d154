#include "gateway/runs/sweep_page.h"

#include <algorithm>
#include <tuple>

#include "api/json_access.h"
#include "gateway/runs/cursor.h"
#include "gateway/runs/names.h"

namespace modelrun::gateway {
namespace {

using api::text_at;
using nlohmann::json;

constexpr std::string_view kSweepCursor = "sweeps";

std::string filter_word(const SweepQuery& query) {
  return query.phase ? std::string(status_word(*query.phase)) : std::string();
}

}  // namespace

SweepPage page_of(std::vector<SweepSummary> sweeps, const SweepQuery& query) {
  if (const auto word = filter_word(query); !word.empty()) {
    std::erase_if(sweeps, [&](const SweepSummary& sweep) { return status_word(sweep.phase) != word; });
  }
  SweepPage page{.sweeps = {}, .more = false, .total = sweeps.size()};
  if (const auto& after = query.after) {
    std::erase_if(sweeps, [&](const SweepSummary& sweep) {
      return std::tie(sweep.created, sweep.key.uid) >= std::tie(after->created, after->uid);
    });
  }
  std::ranges::sort(sweeps, [](const SweepSummary& a, const SweepSummary& b) {
    return std::tie(a.created, a.key.uid) > std::tie(b.created, b.key.uid);
  });
  page.more = sweeps.size() > query.limit;
  if (page.more) sweeps.resize(query.limit);
  page.sweeps = std::move(sweeps);
  return page;
}

Result<SweepQuery> sweep_query(const json& arguments, const std::string& list) {
  SweepQuery query;
  query.limit = static_cast<std::size_t>(api::int_at(arguments, "limit").value_or(10));
  auto status = text_at(arguments, "status");
  if (const auto cursor = text_at(arguments, "cursor"); !cursor.empty()) {
    const auto place = decode_cursor(kSweepCursor, cursor);
    RETURN_IF_ERROR(place);
    if (text_at(*place, "list") != list) return std::unexpected(bad_cursor("it is of another project"));
    auto first = text_at(*place, "status");
    if (!status.empty() && status != first) return std::unexpected(bad_cursor("it was answered for another status"));
    status = std::move(first);
    query.after = SweepPlace{.created = Time(std::chrono::microseconds(api::int_at(*place, "created").value_or(0))),
                             .uid = text_at(*place, "uid")};
  }
  if (!status.empty()) query.phase = parse_status_word(status);
  return query;
}

json next_cursor(const SweepPage& page, const SweepQuery& query, const std::string& list) {
  if (!page.more || page.sweeps.empty()) return nullptr;
  const auto& last = page.sweeps.back();
  return encode_cursor(kSweepCursor, {{"list", list},
                                      {"status", filter_word(query)},
                                      {"created", last.created.time_since_epoch().count()},
                                      {"uid", last.key.uid}});
}

}  // namespace modelrun::gateway
