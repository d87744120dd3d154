// Checks branch names and commit ids before they are used on a command line. Pure. The rules for branch names are
// those of git-check-ref-format(1), and a few stricter ones.
#pragma once

#include <string_view>

#include "base/error.h"

namespace modelrun::source {

// kInvalid unless `branch` is a valid short branch name ("main", "feature/x"): it has at most 250 bytes, is valid for
// git, is neither "HEAD" nor "@", and cannot be read as an option, a refspec or a pattern. The message says what is
// wrong but does not repeat the name.
Result<void> check_branch(std::string_view branch);

// True for a full commit id: 40 (SHA-1) or 64 (SHA-256) hex digits, in either case.
bool is_commit(std::string_view text);

// kInvalid unless is_commit().
Result<void> check_commit(std::string_view commit);

}  // namespace modelrun::source
