#include "kube/list_decoder.h"

#include "base/large_document.h"
#include "base/text.h"

namespace modelrun::kube {
namespace {

// How much is kept of a string at depth 1: enough to compare it with "items".
constexpr std::size_t kKeyBytes = 8;

}  // namespace

Result<void> ListDecoder::keep(std::string_view piece) {
  std::string& target = item_open_ ? item_ : envelope_;
  if (target.size() + piece.size() > max_item_) {
    return fail(ErrorKind::kTooLarge, "list: an item of more than {} bytes", max_item_);
  }
  target.append(piece);
  return {};
}

Result<void> ListDecoder::end_item(std::string_view last_piece, const OnItem& on_item) {
  if (item_.size() + last_piece.size() > max_item_) {
    return fail(ErrorKind::kTooLarge, "list: an item of more than {} bytes", max_item_);
  }
  if (!item_.empty()) item_.append(last_piece);
  const std::string_view text = item_.empty() ? last_piece : std::string_view{item_};
  const LargeDocument turn(text.size());
  Json item = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (item_.capacity() > 64U << 10U) free_text(item_);
  item_.clear();
  item_open_ = false;
  if (item.is_discarded()) return fail(ErrorKind::kInvalid, "list: an item is not JSON");
  on_item(std::move(item));
  return {};
}

void ListDecoder::in_string(char c) {
  if (escaped_) {
    escaped_ = false;
  } else if (c == '\\') {
    escaped_ = true;
  } else if (c == '"') {
    in_string_ = false;
    return;
  }
  if (depth_ == 1 && key_.size() < kKeyBytes) key_ += c;
}

Result<void> ListDecoder::feed(std::string_view chunk, const OnItem& on_item) {
  std::size_t begin = 0;  // everything before it has been processed
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    const char c = chunk[i];
    Result<void> result;
    if (in_string_) {
      in_string(c);
    } else if (c == '"') {
      in_string_ = true;
      if (depth_ == 1) key_.clear();
    } else if (c == '{' || c == '[') {
      ++depth_;
      if (depth_ == 2 && c == '[' && key_ == "items") in_items_ = true;
      if (depth_ == 3 && c == '{' && in_items_) {
        result = keep(chunk.substr(begin, i - begin));
        item_open_ = true;
        begin = i;
      }
    } else if (c == '}' || c == ']') {
      --depth_;
      if (depth_ == 2 && item_open_) {
        result = end_item(chunk.substr(begin, i + 1 - begin), on_item);
        begin = i + 1;
      }
      if (depth_ == 1) in_items_ = false;
    } else if (c == ',' && in_items_ && depth_ == 2) {
      // Drops the comma between two items, so that the envelope has the valid text "items":[].
      result = keep(chunk.substr(begin, i - begin));
      begin = i + 1;
    }
    if (!result) return result;
  }
  return keep(chunk.substr(begin));
}

Result<Json> ListDecoder::finish() {
  if (depth_ != 0 || in_string_ || envelope_.empty()) return fail(ErrorKind::kUnavailable, "list: cut off");
  Json envelope = Json::parse(envelope_, nullptr, /*allow_exceptions=*/false);
  if (!envelope.is_object()) return fail(ErrorKind::kInvalid, "list: not a JSON object");
  const auto items = envelope.find("items");
  if (items != envelope.end() && !items->empty()) return fail(ErrorKind::kInvalid, "list: an item is not an object");
  return envelope;
}

}  // namespace modelrun::kube
