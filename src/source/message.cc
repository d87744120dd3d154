#include "source/message.h"

#include "base/printable.h"

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
  message = printable(message, kMaxMessage);
  // printable() replaces characters, after which a secret may stand there that the text did not have: it makes "a b" of
  // "a\nb". Only a secret that is printable itself can.
  for (const std::string& secret : secrets) {
    if (secret.size() >= 3 && printable(secret, secret.size()) == secret) blank(message, secret);
  }
  return message;
}

}  // namespace modelrun::source
