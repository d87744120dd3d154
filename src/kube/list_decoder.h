// Takes the items out of a list's body as it arrives, so that a page of 500 objects needs the memory of one.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "kube/json.h"

namespace modelrun::kube {

// One body's decoder; not thread-safe.
class ListDecoder {
 public:
  using OnItem = std::function<void(Json&&)>;

  // An item of more than `max_item` bytes is refused.
  explicit ListDecoder(std::size_t max_item = 16U << 20U) : max_item_(max_item) {}

  // kInvalid: not JSON; kTooLarge. After an error it must not be fed again.
  Result<void> feed(std::string_view chunk, const OnItem& on_item);

  // At the end of the body: the list without its items. kUnavailable when it was cut off.
  Result<Json> finish();

 private:
  // Adds to the item if one is open, else to the envelope.
  Result<void> keep(std::string_view piece);
  Result<void> end_item(std::string_view last_piece, const OnItem& on_item);
  void in_string(char c);

  std::size_t max_item_;
  std::string envelope_;  // everything but the items
  std::string item_;      // the part of the open item that came in earlier chunks
  std::string key_;       // the last string at depth 1: the key that a bracket after it belongs to
  int depth_ = 0;         // of open braces and brackets
  bool in_string_ = false;
  bool escaped_ = false;
  bool in_items_ = false;   // inside the brackets of "items"
  bool item_open_ = false;  // inside the braces of one of them
};

}  // namespace modelrun::kube
