// What can be known of a JSON-RPC message that is refused: whom to answer. Pure.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace modelrun::gateway::mcp {

// A call that waits keeps its id and its progress token, so these are short.
inline constexpr std::size_t kMaxIdBytes = 1'000;

struct MessageHead {
  // A string of at most kMaxIdBytes or an integer of 64 bits; null if there is none, or more than one.
  nlohmann::json id;
  std::string method;  // at most kMaxIdBytes; empty if there is none
};

// The head of the message `body`, as far as it is JSON. Nothing else of the body is kept, so that it may be large, and
// may hold numbers that no answer could repeat.
MessageHead find_message_head(std::string_view body);

}  // namespace modelrun::gateway::mcp
