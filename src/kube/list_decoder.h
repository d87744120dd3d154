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
  Result<void> step(char c, const OnItem& on_item);
  Result<void> end_item(const OnItem& on_item);
  void outside_string(char c);

  std::size_t max_item_;
  std::string envelope_;  // everything but the items
  std::string item_;
  std::string last_string_;  // at depth 1: the key that the next value belongs to
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool in_items_ = false;
};

}  // namespace modelrun::kube
