#include "cloudevents/flags.h"

#include <CLI/CLI.hpp>

#include <algorithm>

#include "base/file.h"
#include "cloudevents/event.h"

namespace modelrun::cloudevents {
namespace {

// A URI-reference (RFC 3986) to which a path can be added.
bool is_source(const std::string& text) {
  constexpr std::string_view kMarks = "-._~:/@!$&'()*+,;=%";
  const auto fits = [&](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || kMarks.find(static_cast<char>(c)) != std::string_view::npos);
  };
  return !text.empty() && text.size() <= kMaxSourceBytes && text.back() != '/' && std::ranges::all_of(text, fits);
}

}  // namespace

void add_event_flags(CLI::App& app, EventFlags& flags) {
  app.add_option("--events-url", flags.url,
                 "http:// or https:// URL that gets a signed CloudEvent of each run that ends; without it there are no "
                 "events");
  app.add_option("--events-key-file", flags.key_file,
                 "file with the signing key, or two of them, each on a line: whsec_ and the base64 of 24 to 64 bytes. "
                 "It is read for each event");
  app.add_option(
      "--events-ca-file", flags.ca_file,
      "PEM file with the only authorities that the receiver's certificate may be of; without it those of the "
      "system. It is read for each event");
  app.add_option("--events-source", flags.source,
                 "URI that names this installation: an event's source is it with /namespaces/NAMESPACE after it")
      ->capture_default_str();
  app.add_option("--events-timeout-seconds", flags.timeout_seconds, "for one request to the receiver")
      ->check(CLI::Range(1, 60))
      ->capture_default_str();
  app.add_option("--events-give-up-seconds", flags.give_up_seconds,
                 "how long after a run's end its event is given up, if the receiver has not taken it")
      ->check(CLI::Range(60, 604'800))
      ->capture_default_str();
}

Result<std::optional<EventSettings>> read_settings(const EventFlags& flags) {
  if (flags.url.empty()) {
    if (flags.key_file.empty() && flags.ca_file.empty()) return std::nullopt;
    return fail(ErrorKind::kInvalid, "--events-key-file and --events-ca-file need --events-url");
  }
  auto address = outbound::parse_url(flags.url, "a receiver such as https://events.example.com/modelrun");
  if (!address) return fail_in("--events-url", address.error());
  if (!is_source(flags.source)) {
    return fail(ErrorKind::kInvalid, "--events-source: not a URI of at most {} bytes without a '/' at its end",
                kMaxSourceBytes);
  }
  if (flags.key_file.empty()) return fail(ErrorKind::kInvalid, "--events-url needs --events-key-file");
  if (const auto keys = read_keys(flags.key_file); !keys) {
    return fail(ErrorKind::kInvalid, "--events-key-file: {}", keys.error().message);
  }
  if (!flags.ca_file.empty()) {
    if (const auto pem = read_file(flags.ca_file); !pem) {
      return fail(ErrorKind::kInvalid, "--events-ca-file: {}", pem.error().message);
    }
  }
  EventSettings settings;
  settings.sink = {.address = std::move(*address),
                   .ca_file = flags.ca_file,
                   .key_file = flags.key_file,
                   .timeout = std::chrono::seconds(flags.timeout_seconds)};
  settings.source = flags.source;
  settings.give_up = std::chrono::seconds(flags.give_up_seconds);
  return settings;
}

}  // namespace modelrun::cloudevents
