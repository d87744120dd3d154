#include "source/git/git_errors.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>

#include "base/encoding.h"
#include "source/message.h"

namespace modelrun::source {
namespace {

struct Rule {
  std::string_view words;  // in lower case; looked for in git's standard error
  ErrorKind kind;
  std::string_view meaning;
};

// The first rule whose words are found applies, so the more specific rules come first.
constexpr std::array kRules = {
    Rule{"file too large", ErrorKind::kTooLarge, "the commit is larger than the limit"},
    Rule{"died of signal 25", ErrorKind::kTooLarge, "the commit is larger than the limit"},
    Rule{"pack exceeds maximum allowed size", ErrorKind::kTooLarge, "the commit is larger than the limit"},
    Rule{"out of memory", ErrorKind::kTooLarge, "the commit needs more memory than the limit"},
    Rule{"unable to update url base from redirection", ErrorKind::kDenied,
         "the server redirects elsewhere, which is not followed: give the final URL"},
    Rule{"the requested url returned error: 30", ErrorKind::kDenied,
         "the server redirects elsewhere, which is not followed: give the final URL"},
    Rule{"redirect", ErrorKind::kDenied, "the server redirects elsewhere, which is not followed: give the final URL"},
    Rule{"could not read username", ErrorKind::kDenied,
         "the server asks for credentials (or the repository does not exist): name a Secret in secretRef"},
    Rule{"could not read password", ErrorKind::kDenied, "the server asks for a password: check the Secret"},
    Rule{"authentication failed", ErrorKind::kDenied, "the server refused the credentials: check the Secret"},
    Rule{"returned error: 401", ErrorKind::kDenied, "the server refused the credentials: check the Secret"},
    Rule{"returned error: 403", ErrorKind::kDenied, "the server forbids access (403): check the Secret's rights"},
    Rule{"returned error: 407", ErrorKind::kUnavailable, "a proxy asks for credentials"},
    Rule{"returned error: 404", ErrorKind::kNotFound, "there is no repository at this URL (404)"},
    Rule{"returned error: 410", ErrorKind::kNotFound, "there is no repository at this URL (410)"},
    Rule{"returned error: 429", ErrorKind::kUnavailable, "the server asks to slow down (429)"},
    Rule{"does not appear to be a git repository", ErrorKind::kNotFound, "there is no repository at this URL"},
    Rule{"' not found", ErrorKind::kNotFound, "there is no repository at this URL"},
    Rule{"does not exist", ErrorKind::kNotFound, "there is no repository at this URL"},
    Rule{"not our ref", ErrorKind::kNotFound, "the server does not have the commit"},
    Rule{"couldn't find remote ref", ErrorKind::kNotFound, "the server does not have the commit"},
    Rule{"unadvertised object", ErrorKind::kNotFound, "the server does not hand out this commit"},
    Rule{"fsck error", ErrorKind::kDenied, "the commit holds an object that git refuses as malformed or unsafe"},
    Rule{"fsck", ErrorKind::kDenied, "the commit holds an object that git refuses as malformed or unsafe"},
    Rule{"mismatched algorithms", ErrorKind::kDenied, "the commit's id does not fit the repository's object format"},
    Rule{"certificate", ErrorKind::kUnavailable,
         "the server's certificate is not trusted: give its authority as ca.crt"},
    Rule{"could not resolve host", ErrorKind::kUnavailable, "the server's name cannot be resolved"},
    Rule{"timed out", ErrorKind::kTimeout, "the server did not answer in time"},
    Rule{"operation too slow", ErrorKind::kTimeout, "the server sent nothing for too long"},
    Rule{"failed to connect", ErrorKind::kUnavailable, "no connection to the server"},
    Rule{"couldn't connect", ErrorKind::kUnavailable, "no connection to the server"},
    Rule{"cannot start git", ErrorKind::kInternal, "the operator cannot run git"},
};

// The most informative line: the last one that begins with "fatal: " or "error: ", else the last one that is not
// empty.
std::string_view telling_line(std::string_view text) {
  std::string_view best;
  bool fatal = false;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    const bool is_fatal = line.starts_with("fatal: ") || line.starts_with("error: ");
    if (line.empty() || (fatal && !is_fatal)) continue;
    fatal = fatal || is_fatal;
    best = line;
  }
  return best;
}

}  // namespace

Error explain_git_failure(int exit_code, std::string_view diagnostics, std::string_view url,
                          const std::vector<std::string>& secrets) {
  // A line that begins with "remote: " was written by the remote, which is not trusted. Such lines are ignored when
  // the kind is derived, except that the remote may say that it does not have a commit ("not our ref").
  std::string words;
  for (std::size_t begin = 0; begin < diagnostics.size();) {
    const std::size_t end = std::min(diagnostics.find('\n', begin), diagnostics.size());
    const std::string_view line = diagnostics.substr(begin, end - begin);
    if (!line.starts_with("remote: ") || line.find("not our ref") != std::string_view::npos)
      words += ascii_lower(line) + "\n";
    begin = end + 1;
  }
  const std::string_view line = telling_line(diagnostics);
  if (exit_code == 128 + SIGXFSZ) {
    return {ErrorKind::kTooLarge, safe_message(fmt::format("{}: the commit is larger than the limit", url), secrets)};
  }
  for (const Rule& rule : kRules) {
    if (words.find(rule.words) == std::string::npos) continue;
    return {rule.kind, safe_message(fmt::format("{}: {} (git: {})", url, rule.meaning, line), secrets)};
  }
  const std::string said = line.empty() ? fmt::format("exit code {}", exit_code) : std::string(line);
  return {ErrorKind::kUnavailable, safe_message(fmt::format("{}: git failed: {}", url, said), secrets)};
}

}  // namespace modelrun::source
