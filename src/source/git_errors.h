// What git said, as an Error for people. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace modelrun::source {

inline constexpr std::size_t kMaxMessage = 300;

// One printable line of at most kMaxMessage bytes: control characters and bytes that are not UTF-8 replaced, every one
// of `secrets` (of three bytes or more) blanked.
std::string safe_message(std::string_view text, const std::vector<std::string>& secrets);

// Reads the kind from git's words (of git 2.39, LC_ALL=C). What is not recognised is kUnavailable: trying again may
// help.
Error explain_git_failure(int exit_code, std::string_view diagnostics, std::string_view url,
                          const std::vector<std::string>& secrets);

}  // namespace modelrun::source
