// Turns a failed git command into an Error for people.
//
// What git writes to standard error is no evidence: it quotes the server, which may put any words and lines into it.
// Git also keeps a record of its own errors (the events of its trace2, one JSON object a line), in which the text that
// the programmers of git wrote ("remote error: %s") stands apart from what was filled in. Only the former decides.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace modelrun::source {

struct GitFailure {
  Error error;
  // The server does not hand out a commit that no branch points to. The error is kNotFound then.
  bool unadvertised = false;
};

// Explains the end of a git command: its exit code, what it wrote to standard error, and its events. The kind is
// derived from the format strings of git 2.39 with LC_ALL=C. A failure that is not recognised is kUnavailable, because
// trying again may help. The message begins with `url`, is made by safe_message(), and quotes git. Pure.
GitFailure explain_git_failure(int exit_code, std::string_view diagnostics, std::string_view events,
                               std::string_view url, const std::vector<std::string>& secrets);

}  // namespace modelrun::source
