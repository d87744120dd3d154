// JSON pointers (RFC 6901). Pure and thread-safe.
#pragma once

#include <string>
#include <vector>

namespace modelrun::sweep {

// The pointer of the value that `tokens` (keys and indexes, not escaped) lead to; empty for no tokens.
std::string pointer_text(const std::vector<std::string>& tokens);

}  // namespace modelrun::sweep
