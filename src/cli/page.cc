#include "cli/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/json_access.h"
#include "api/object_meta.h"
#include "cli/run_view.h"
#include "cli/table.h"

namespace modelrun::cli {
namespace {

constexpr std::size_t kJsonShown = 4096;  // bytes

}  // namespace

std::string indented(std::string_view text, std::string_view by) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    out += fmt::format("{}{}\n", by, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

void Page::line(std::string_view label, const std::string& value) {
  if (!value.empty()) text_ += fmt::format("{:<14}{}\n", fmt::format("{}:", label), value);
}

void Page::section(std::string_view label, const std::string& body) {
  if (!body.empty()) text_ += fmt::format("{}:\n{}", label, body);
}

void Page::json_section(std::string_view label, const nlohmann::json& value, const std::string& command) {
  const auto text = api::json_text(value, 2);
  if (text.size() > kJsonShown) return line(label, fmt::format("{} bytes: {}", api::json_text(value).size(), command));
  section(label, indented(text));
}

void Page::pairs(std::string_view label, const nlohmann::json& texts) {
  std::string_view first = label;
  for (const auto& [key, value] : api::texts_of(texts)) {
    text_ += fmt::format("{:<14}{}={}\n", first.empty() ? "" : fmt::format("{}:", first), key, value);
    first = {};
  }
}

std::string Page::ago(Time time) const {
  return fmt::format("{} ({} ago)", format_rfc3339(time), age(now_ - time));
}

std::string Page::command(std::string_view word, std::string_view argument) const {
  return fmt::format("kubectl modelrun {} {} -n {}", word, argument,
                     api::text_at(api::member(object_, "metadata"), "namespace"));
}

void Page::head() {
  const auto meta = api::decode_meta(object_);
  line("Name", meta.name);
  line("Namespace", meta.namespace_);
  pairs("Labels", api::member(api::member(object_, "metadata"), "labels"));
  line("Created", ago(meta.creation));
  if (meta.deletion) line("Deleted", ago(*meta.deletion));
}

void Page::conditions() {
  const auto& all = api::member(api::member(object_, "status"), "conditions");
  if (!all.is_array() || all.empty()) return;
  std::vector<Row> rows{{"  TYPE", "STATUS", "REASON", "SINCE"}};
  for (const auto& item : all) {
    const auto since = api::time_at(item, "lastTransitionTime");
    rows.push_back({"  " + api::text_at(item, "type"), api::text_at(item, "status"), api::text_at(item, "reason"),
                    since ? age(now_ - *since) : ""});
  }
  section("Conditions", render_table(rows));
}

void Page::events(const Result<std::vector<ShownEvent>>& given) {
  if (!given) return line("Events", "cannot be shown: " + given.error().message);
  auto events = *given;
  if (events.empty()) return line("Events", "none, or none any more: a cluster keeps them for an hour or so");
  std::ranges::stable_sort(events, {}, &ShownEvent::last);
  std::vector<Row> rows{{"  LAST SEEN", "TYPE", "OF", "REASON", "MESSAGE"}};
  for (const auto& event : events) {
    const auto seen =
        event.count > 1 ? fmt::format("{} (x{})", age(now_ - event.last), event.count) : age(now_ - event.last);
    rows.push_back({"  " + seen, event.type, event.kind, event.reason, event.note});
  }
  section("Events", render_table(rows));
}

}  // namespace modelrun::cli
