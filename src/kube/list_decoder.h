// Decodes the body of a Kubernetes list while it arrives, one item at a time, so that a page of 500 objects needs the
// memory of one.
//
//   ListDecoder decoder;
//   for each chunk of the body: decoder.feed(chunk, on_item);
//   auto list = decoder.finish();  // metadata.resourceVersion, metadata.continue
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "kube/json.h"

namespace modelrun::kube {

// Decodes one body; not thread-safe.
class ListDecoder {
 public:
  using OnItem = std::function<void(Json&&)>;

  // An item of more than `max_item` bytes is refused, and so is a list whose other parts are together larger than
  // that.
  explicit ListDecoder(std::size_t max_item = 16U << 20U) : max_item_(max_item) {}

  // Takes the next chunk of the body and calls `on_item` for each item that it completes, with the turn of a large item
  // (see base/large_document.h). Chunks may end anywhere.
  // kInvalid: an item is not JSON. kTooLarge: see the constructor. After an error the decoder must not be used again.
  Result<void> feed(std::string_view chunk, const OnItem& on_item);

  // To be called at the end of the body. Returns the list with an empty "items". kUnavailable: the body was cut off.
  // kInvalid: the body is not a JSON object, or one of the items is not.
  Result<Json> finish();

 private:
  // Appends `piece` to the item if one is open, else to the envelope.
  Result<void> keep(std::string_view piece);
  // Decodes the open item, which ends with `last_piece`, and hands it over.
  Result<void> end_item(std::string_view last_piece, const OnItem& on_item);
  // Takes a character that stands inside of a JSON string.
  void in_string(char c);

  std::size_t max_item_;
  std::string envelope_;  // everything but the items
  std::string item_;      // the part of the open item that arrived in earlier chunks
  std::string key_;       // begin of the last string at depth 1, which is the key of an array that follows it
  int depth_ = 0;         // number of open braces and brackets
  bool in_string_ = false;
  bool escaped_ = false;
  bool in_items_ = false;   // inside the brackets of "items"
  bool item_open_ = false;  // inside the braces of an item
};

}  // namespace modelrun::kube
