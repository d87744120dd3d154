#include "gateway/runs/run_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <ranges>
#include <tuple>

#include "api/json_access.h"
#include "base/text.h"
#include "gateway/runs/cursor.h"
#include "gateway/runs/names.h"

namespace modelrun::gateway {
namespace {

using api::int_at;
using api::text_at;
using nlohmann::json;

constexpr std::string_view kKind = "runs";
constexpr std::array<std::pair<std::string_view, RunSort>, 4> kSorts{{{"created", RunSort::kCreated},
                                                                      {"duration", RunSort::kDuration},
                                                                      {"name", RunSort::kName},
                                                                      {"status", RunSort::kStatus}}};

// What a run is sorted by. The texts are not copied: they live in the run or in the place.
struct Rank {
  std::int64_t measure = 0;
  std::string_view first, second;
  Time created;
  std::int64_t number = 0;
  std::string_view uid;
};

// A run that has no number yet counts as having the highest: when it gets one it moves away from the beginning of the
// usual order, so that a reader who has passed it has seen it.
std::int64_t number_or_highest(std::int64_t number) {
  return number > 0 ? number : std::numeric_limits<std::int64_t>::max();
}

Rank rank_of(const RunSummary& run, RunSort sort) {
  Rank rank{0, {}, {}, run.created, number_or_highest(run.number), run.key.uid};
  switch (sort) {
    case RunSort::kCreated:
      break;
    case RunSort::kDuration:
      rank.measure = run.started && run.finished ? (*run.finished - *run.started).count() : -1;
      break;
    case RunSort::kName:
      rank.first = run.project;
      rank.second = run.model;
      break;
    case RunSort::kStatus:
      rank.first = status_word(run.phase);
      break;
  }
  return rank;
}

Rank rank_of(const RunPlace& place) {
  return {place.measure, place.first, place.second, place.created, number_or_highest(place.number), place.uid};
}

// Whether `a` comes before `b`.
bool before(const Rank& a, const Rank& b, const RunQuery& query) {
  const auto key_a = std::tie(a.measure, a.first, a.second);
  const auto key_b = std::tie(b.measure, b.first, b.second);
  if (key_a != key_b) return query.ascending ? key_a < key_b : key_a > key_b;
  const auto age_a = std::tie(a.created, a.number, a.uid);
  const auto age_b = std::tie(b.created, b.number, b.uid);
  return query.ascending && query.sort == RunSort::kCreated ? age_a < age_b : age_a > age_b;
}

bool holds(std::string_view text, std::string_view word) {
  return !std::ranges::search(text, word, {}, lower_case, lower_case).empty();
}

std::string word_of(const std::optional<api::Phase>& phase) {
  return phase ? std::string(status_word(*phase)) : std::string();
}

std::string word_of(RunSort sort, bool ascending) {
  const auto found = std::ranges::find(kSorts, sort, &decltype(kSorts)::value_type::second);
  return fmt::format("{}{}", ascending ? "" : "-", found->first);
}

// REQUIRES: `word` is empty or one of sort_words().
void read_sort(std::string_view word, RunQuery& query) {
  query.ascending = !word.empty() && !word.starts_with('-');
  if (word.starts_with('-')) word.remove_prefix(1);
  const auto found = std::ranges::find(kSorts, word, &decltype(kSorts)::value_type::first);
  query.sort = found == kSorts.end() ? RunSort::kCreated : found->second;
}

RunPlace place_in(const json& cursor) {
  return {.measure = int_at(cursor, "measure").value_or(0),
          .first = text_at(cursor, "first"),
          .second = text_at(cursor, "second"),
          .created = Time(std::chrono::microseconds(int_at(cursor, "created").value_or(0))),
          .number = int_at(cursor, "number").value_or(0),
          .uid = text_at(cursor, "uid")};
}

}  // namespace

bool matches(const RunSummary& run, std::string_view search) {
  const auto number = run.number > 0 ? fmt::format("#{}", run.number) : std::string();
  const std::array<std::string_view, 7> texts{run.project, run.model,   run.branch, status_word(run.phase),
                                              run.commit,  run.key.uid, number};
  return std::ranges::all_of(std::views::split(search, ' '), [&](const auto& part) {
    const std::string_view word(part.begin(), part.end());
    return word.empty() || std::ranges::any_of(texts, [&](std::string_view text) { return holds(text, word); });
  });
}

RunPage page_of(std::vector<RunSummary> runs, const RunQuery& query) {
  const auto word = word_of(query.phase);
  std::erase_if(runs, [&](const RunSummary& run) {
    if (!word.empty() && status_word(run.phase) != word) return true;
    return !query.search.empty() && !matches(run, query.search);
  });
  RunPage page{.runs = {}, .more = false, .total = runs.size()};
  if (query.after) {
    const auto place = rank_of(*query.after);
    std::erase_if(runs, [&](const RunSummary& run) { return !before(place, rank_of(run, query.sort), query); });
  }
  page.more = runs.size() > query.limit;
  const auto end = runs.begin() + static_cast<std::ptrdiff_t>(std::min(runs.size(), query.limit));
  std::ranges::partial_sort(runs, end, [&](const RunSummary& a, const RunSummary& b) {
    return before(rank_of(a, query.sort), rank_of(b, query.sort), query);
  });
  if (page.more) runs.resize(query.limit);
  page.runs = std::move(runs);
  return page;
}

Result<RunQuery> run_query(const json& arguments, const std::string& list) {
  RunQuery query;
  query.limit = static_cast<std::size_t>(int_at(arguments, "limit").value_or(10));
  std::array<std::pair<const char*, std::string>, 3> kept{{{"status", text_at(arguments, "status")},
                                                           {"search", text_at(arguments, "search")},
                                                           {"sort", text_at(arguments, "sort")}}};
  if (kept[1].second.size() > kMaxSearchBytes) {
    return fail(ErrorKind::kInvalid, "search: at most {} bytes", kMaxSearchBytes);
  }
  if (const auto cursor = text_at(arguments, "cursor"); !cursor.empty()) {
    const auto place = decode_cursor(kKind, cursor);
    RETURN_IF_ERROR(place);
    if (text_at(*place, "list") != list) return std::unexpected(bad_cursor("it is of another project or namespace"));
    for (auto& [name, given] : kept) {
      auto first = text_at(*place, name);
      if (!given.empty() && given != first) {
        return std::unexpected(bad_cursor(fmt::format("it was answered for another {}", name)));
      }
      given = std::move(first);
    }
    query.after = place_in(*place);
  }
  const auto& [status, search, sort] = kept;
  if (!status.second.empty()) query.phase = parse_status_word(status.second);
  query.search = search.second;
  read_sort(sort.second, query);
  return query;
}

json next_cursor(const RunPage& page, const RunQuery& query, const std::string& list) {
  if (!page.more || page.runs.empty()) return nullptr;
  const auto& last = page.runs.back();
  const auto rank = rank_of(last, query.sort);
  return encode_cursor(kKind, {{"list", list},
                               {"status", word_of(query.phase)},
                               {"search", query.search},
                               {"sort", word_of(query.sort, query.ascending)},
                               {"measure", rank.measure},
                               {"first", rank.first},
                               {"second", rank.second},
                               {"created", last.created.time_since_epoch().count()},
                               {"number", last.number},
                               {"uid", last.key.uid}});
}

const std::vector<std::string>& sort_words() {
  static const std::vector<std::string> words = [] {
    std::vector<std::string> all;
    for (const auto& [word, sort] : kSorts) {
      for (const bool ascending : {false, true}) all.push_back(word_of(sort, ascending));
    }
    return all;
  }();
  return words;
}

}  // namespace modelrun::gateway
