#include "source/git/blob_reader.h"

#include <algorithm>

namespace modelrun::source {
namespace {

constexpr std::size_t kMaxHeader = 256;

std::unexpected<Error> unexpected_answer() {
  return fail(ErrorKind::kUnavailable, "git's content of the commit is not what its list of files promised");
}

}  // namespace

std::string BlobReader::questions() const {
  std::string text;
  for (const Entry* entry : entries_) text += entry->second.object_id + "\n";
  return text;
}

Result<void> BlobReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    Result<void> fed;
    switch (state_) {
      case State::kHeader:
        fed = feed_header(bytes);
        break;
      case State::kData:
        fed = feed_data(bytes);
        break;
      case State::kNewline:
        if (bytes.front() != '\n') return unexpected_answer();
        bytes.remove_prefix(1);
        ++next_;
        state_ = State::kHeader;
        break;
    }
    if (!fed) return fed;
  }
  return {};
}

// "<id> blob <size>\n"
Result<void> BlobReader::feed_header(std::string_view& bytes) {
  if (next_ >= entries_.size()) return unexpected_answer();
  const std::size_t end = bytes.find('\n');
  header_ += bytes.substr(0, end);
  if (header_.size() > kMaxHeader) return unexpected_answer();
  bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
  if (end == std::string_view::npos) return {};
  Entry& entry = *entries_[next_];
  if (header_ != fmt::format("{} blob {}", entry.second.object_id, entry.second.size)) return unexpected_answer();
  header_.clear();
  left_ = entry.second.size;
  RETURN_IF_ERROR(receiver_.begin(entry));
  state_ = State::kData;
  // An empty blob has no data, so it ends here.
  if (left_ > 0) return {};
  state_ = State::kNewline;
  return receiver_.end(entry);
}

Result<void> BlobReader::feed_data(std::string_view& bytes) {
  Entry& entry = *entries_[next_];
  const std::string_view part = bytes.substr(0, std::min<std::uint64_t>(left_, bytes.size()));
  bytes.remove_prefix(part.size());
  left_ -= part.size();
  RETURN_IF_ERROR(receiver_.data(entry, part));
  if (left_ > 0) return {};
  state_ = State::kNewline;
  return receiver_.end(entry);
}

Result<void> BlobReader::finish() const {
  if (next_ == entries_.size() && state_ == State::kHeader && header_.empty()) return {};
  return unexpected_answer();
}

}  // namespace modelrun::source
