#include "simulation/feed.h"

#include <algorithm>
#include <charconv>

namespace modelrun::simulation {
namespace {

std::string_view query_value(std::string_view path, std::string_view name) {
  auto at = path.find('?');
  while (at != std::string_view::npos) {
    path.remove_prefix(at + 1);
    const auto pair = path.substr(0, path.find('&'));
    if (pair.starts_with(name) && pair.size() > name.size() && pair[name.size()] == '=') {
      return pair.substr(name.size() + 1);
    }
    at = path.find('&');
  }
  return {};
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// The label selectors of the operator need percent-decoding of '/' and '=' only.
std::string decoded_selector(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const bool slash = text.starts_with("%2F");
    const bool equals = text.starts_with("%3D");
    result += slash ? '/' : equals ? '=' : text.front();
    text.remove_prefix(slash || equals ? 3 : 1);
  }
  return result;
}

}  // namespace

WatchFeed::WatchFeed(const ApiServer& server, std::string_view path) : server_(server) {
  const auto resource = path.substr(0, path.find('?'));
  const auto plural = resource.substr(resource.rfind('/') + 1);
  for (std::size_t i = 0; i < kKinds; ++i) {
    if (kResources.at(i)->plural == plural) kind_ = static_cast<Kind>(i);
  }
  from_ = number(query_value(path, "resourceVersion"));
  selector_ = decoded_selector(query_value(path, "labelSelector"));
  if (const auto seconds = number(query_value(path, "timeoutSeconds")); seconds > 0) {
    timeout_ = std::chrono::seconds(seconds);
  }
  const auto& history = server_.history(kind_);
  position_ =
      static_cast<std::size_t>(std::ranges::upper_bound(history, from_, {}, &Commit::version) - history.begin());
}

std::optional<Nanos> WatchFeed::next_at() const {
  const auto& history = server_.history(kind_);
  return position_ < history.size() ? std::optional(history[position_].at) : std::nullopt;
}

std::string WatchFeed::take() {
  const auto& commit = server_.history(kind_)[position_++];
  // An object that loses the label leaves the watch, and one that gets it enters it.
  const bool was = commit.before && selects(selector_, commit.before->json);
  const bool is = commit.after && selects(selector_, commit.after->json);
  if (!was && !is) return {};
  const char* type = !was ? "ADDED" : is ? "MODIFIED" : "DELETED";
  return fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, commit.shown->text());
}

std::string WatchFeed::bookmark() const {
  const auto& history = server_.history(kind_);
  const auto version = position_ == history.size() ? server_.version()
                       : position_ == 0            ? from_
                                                   : history[position_ - 1].version;
  return fmt::format(
      "{{\"type\":\"BOOKMARK\",\"object\":{{\"kind\":\"{}\",\"metadata\":{{\"resourceVersion\":\"{}\"}}}}}}\n",
      resource_of(kind_).kind, std::max(version, from_));
}

std::string WatchFeed::gone_event() {
  return "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Expired\",\"code\":"
         "410}}\n";
}

}  // namespace modelrun::simulation
