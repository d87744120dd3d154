// Makes text that a stranger wrote fit for a message.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace modelrun::source {

inline constexpr std::size_t kMaxMessage = 300;  // bytes

// Makes one line of valid UTF-8, of at most kMaxMessage bytes, from `text`. Every occurrence of one of `secrets`
// becomes "***"; secrets of less than three bytes are passed over. The rest is as with printable() (base/printable.h).
std::string safe_message(std::string_view text, const std::vector<std::string>& secrets);

}  // namespace modelrun::source
