#include "source/message.h"

#include "base/encoding.h"

namespace modelrun::source {
namespace {

void blank(std::string& text, std::string_view secret) {
  constexpr std::string_view stars = "***";
  for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + stars.size())) {
    text.replace(at, secret.size(), stars);
  }
}

}  // namespace

std::string safe_message(std::string_view text, const std::vector<std::string>& secrets) {
  std::string message(text);
  for (const std::string& secret : secrets) {
    if (secret.size() >= 3) blank(message, secret);
  }
  for (char& c : message) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  message = make_valid_utf8(message);
  if (message.size() <= kMaxMessage) return message;
  constexpr std::string_view kCut = "…";
  return std::string(utf8_front(message, kMaxMessage - kCut.size())).append(kCut);
}

}  // namespace modelrun::source
