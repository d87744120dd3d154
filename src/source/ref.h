// Branch names and commit ids, checked before they come near a command line. Pure.
// Source of the rules: git-check-ref-format(1).
#pragma once

#include <string_view>

#include "base/error.h"

namespace modelrun::source {

// kInvalid unless `branch` is a valid short branch name ("main", "feature/x"): at most 250 bytes, valid for git, and
// never something that could be read as an option, a refspec or a pattern.
Result<void> check_branch(std::string_view branch);

// 40 (SHA-1) or 64 (SHA-256) hex digits, in either case.
bool is_commit(std::string_view text);

// kInvalid unless is_commit().
Result<void> check_commit(std::string_view commit);

}  // namespace modelrun::source
