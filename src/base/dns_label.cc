#include "base/dns_label.h"

#include <algorithm>

namespace modelrun {

bool is_dns_label(std::string_view text) {
  constexpr std::size_t kMax = 63;
  const auto is_alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= kMax && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(text, [&](char c) { return is_alnum(c) || c == '-'; });
}

}  // namespace modelrun
