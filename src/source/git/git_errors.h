// Turns the output of a failed git command into an Error for people. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace modelrun::source {

// Makes the Error of a git command that ended with `exit_code` and wrote `diagnostics` to standard error. The kind is
// derived from the wording of git 2.39 with LC_ALL=C. A failure that is not recognised is kUnavailable, because trying
// again may help. The message begins with `url`, is made by safe_message(), and quotes the most informative line of
// git.
Error explain_git_failure(int exit_code, std::string_view diagnostics, std::string_view url,
                          const std::vector<std::string>& secrets);

}  // namespace modelrun::source
