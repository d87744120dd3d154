#include "source/git/git_errors.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/encoding.h"
#include "base/text.h"
#include "source/message.h"
#include "source/ref.h"

namespace modelrun::source {
namespace {

constexpr std::string_view kTooLargeCommit = "the commit is larger than the limit";
constexpr std::string_view kNoRepository = "there is no repository at this URL";
constexpr std::string_view kRedirect = "the server redirects elsewhere, which is not followed: give the final URL";

// An error that git has reported.
struct Event {
  std::string format;   // as it stands in git's source, but for the words of an errno value at its end
  std::string message;  // the format with what was filled in
};

struct Meaning {
  ErrorKind kind;
  std::string_view words;
};

std::vector<Event> parse_events(std::string_view text) {
  std::vector<Event> events;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const auto object = nlohmann::json::parse(make_valid_utf8(text.substr(begin, end - begin)), nullptr, false);
    begin = end + 1;
    if (!object.is_object() || !object.contains("event") || object.at("event") != "error") continue;
    const auto text_at = [&object](const char* name) {
      const auto found = object.find(name);
      return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    events.push_back({text_at("fmt"), text_at("msg")});
  }
  return events;
}

// The HTTP status in the words of curl. They follow the URL, which has been checked.
std::optional<Meaning> meaning_of_status(std::string_view message) {
  constexpr std::string_view kWords = "': The requested URL returned error: ";
  const auto at = message.find(kWords);
  if (at == std::string_view::npos) return std::nullopt;
  const auto status = message.substr(at + kWords.size(), 3);
  if (status.starts_with("30")) return Meaning{ErrorKind::kDenied, kRedirect};
  if (status == "401") return Meaning{ErrorKind::kDenied, "the server refused the credentials: check the Secret"};
  if (status == "403") return Meaning{ErrorKind::kDenied, "the server forbids access (403): check the Secret's rights"};
  if (status == "404" || status == "410") return Meaning{ErrorKind::kNotFound, kNoRepository};
  if (status == "429") return Meaning{ErrorKind::kUnavailable, "the server asks to slow down (429)"};
  return Meaning{ErrorKind::kUnavailable, "the server answered with an error"};
}

// What curl says when there was no answer of HTTP.
std::optional<Meaning> meaning_of_access(std::string_view message) {
  if (auto status = meaning_of_status(message)) return status;
  const auto says = [words = ascii_lower(message)](std::string_view part) { return words.contains(part); };
  if (says("certificate")) {
    return Meaning{ErrorKind::kUnavailable, "the server's certificate is not trusted: give its authority as ca.crt"};
  }
  if (says("could not resolve host")) return Meaning{ErrorKind::kUnavailable, "the server's name cannot be resolved"};
  if (says("operation too slow")) return Meaning{ErrorKind::kTimeout, "the server sent nothing for too long"};
  if (says("timed out")) return Meaning{ErrorKind::kTimeout, "the server did not answer in time"};
  if (says("connect")) return Meaning{ErrorKind::kUnavailable, "no connection to the server"};
  return std::nullopt;
}

// A server may only say that it does not have a commit, in the one way that the protocol has for it.
Meaning meaning_of_remote_error(std::string_view message) {
  constexpr std::string_view kNotOurs = "remote error: upload-pack: not our ref ";
  if (message.starts_with(kNotOurs) && is_commit(message.substr(kNotOurs.size()))) {
    return {ErrorKind::kNotFound, "the server does not have the commit"};
  }
  return {ErrorKind::kUnavailable, "the server answered with an error"};
}

struct Rule {
  std::string_view format;  // a part of Event::format
  ErrorKind kind;
  std::string_view words;
};

// The first rule that fits any of the events applies, so what this machine found comes before what the server did.
constexpr std::array kRules = {
    Rule{"File too large", ErrorKind::kTooLarge, kTooLargeCommit},
    Rule{"No space left on device", ErrorKind::kUnavailable, "there is no room on the disk of modelrun-source"},
    Rule{"Out of memory", ErrorKind::kTooLarge, "the source needs more memory than the limit"},
    Rule{"out of memory", ErrorKind::kTooLarge, "the source needs more memory than the limit"},
    Rule{"Cannot allocate memory", ErrorKind::kTooLarge, "the source needs more memory than the limit"},
    Rule{"mmap failed", ErrorKind::kTooLarge, "the source needs more memory than the limit"},
    Rule{"fsck", ErrorKind::kDenied, "the commit holds an object that git refuses as malformed or unsafe"},
    Rule{"mismatched algorithms", ErrorKind::kDenied, "the commit's id does not fit the repository's object format"},
    Rule{"dumb http transport does not support", ErrorKind::kDenied,
         "the server speaks only git's dumb HTTP protocol: it has to run git http-backend, or another smart server"},
    Rule{"erver does not support shallow", ErrorKind::kDenied, "the server is too old: it cannot give a single commit"},
    Rule{"unable to update url base from redirection", ErrorKind::kDenied, kRedirect},
    Rule{"Authentication failed for '%s'", ErrorKind::kDenied, "the server refused the credentials: check the Secret"},
    Rule{"could not read %s", ErrorKind::kDenied,
         "the server asks for credentials (or the repository does not exist): name a Secret in secretRef"},
    Rule{"repository '%s' not found", ErrorKind::kNotFound, kNoRepository},
    Rule{"does not appear to be a git repository", ErrorKind::kNotFound, kNoRepository},
    Rule{"couldn't find remote ref %s", ErrorKind::kNotFound, "the server does not have the commit"},
};

constexpr std::string_view kUnadvertised = "Server does not allow request for unadvertised object %s";

std::optional<Meaning> meaning_of(const Event& event) {
  if (event.format == kUnadvertised) return Meaning{ErrorKind::kNotFound, "the server does not hand out this commit"};
  if (event.format == "remote error: %s") return meaning_of_remote_error(event.message);
  if (event.format == "unable to access '%s': %s") return meaning_of_access(event.message);
  if (event.format.contains("died of signal %d") && event.message.ends_with(fmt::format(" {}", SIGXFSZ))) {
    return Meaning{ErrorKind::kTooLarge, kTooLargeCommit};
  }
  return std::nullopt;
}

// The last line that is not empty, for messages only.
std::string_view last_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text.substr(text.rfind('\n') + 1);
}

struct Found {
  Meaning meaning;
  std::string_view said;
};

std::optional<Found> find_meaning(const std::vector<Event>& events) {
  for (const Rule& rule : kRules) {
    const auto event =
        std::ranges::find_if(events, [&](const Event& each) { return each.format.contains(rule.format); });
    if (event != events.end()) return Found{{rule.kind, rule.words}, event->message};
  }
  for (const Event& event : events) {
    if (const auto meaning = meaning_of(event)) return Found{*meaning, event.message};
  }
  return std::nullopt;
}

}  // namespace

GitFailure explain_git_failure(int exit_code, std::string_view diagnostics, std::string_view events,
                               std::string_view url, const std::vector<std::string>& secrets) {
  const auto error = [&](ErrorKind kind, const std::string& words) {
    return Error{kind, safe_message(fmt::format("{}: {}", url, words), secrets)};
  };
  if (exit_code == 128 + SIGXFSZ) return {error(ErrorKind::kTooLarge, std::string(kTooLargeCommit))};
  if (exit_code == 126) return {error(ErrorKind::kUnavailable, fmt::format("git cannot be run ({})", diagnostics))};
  const auto parsed = parse_events(events);
  if (const auto found = find_meaning(parsed)) {
    return {error(found->meaning.kind, fmt::format("{} (git: {})", found->meaning.words, found->said)),
            std::ranges::any_of(parsed, [](const Event& event) { return event.format == kUnadvertised; })};
  }
  const auto said = parsed.empty() ? last_line(diagnostics) : std::string_view(parsed.front().message);
  return {error(ErrorKind::kUnavailable, said.empty() ? fmt::format("git failed: exit code {}", exit_code)
                                                      : fmt::format("git failed: {}", said))};
}

}  // namespace modelrun::source
