#include "base/packed_document.h"

#include "base/encoding.h"

namespace modelrun {

PackedDocument pack_document(std::string_view document, std::size_t part_bytes) {
  PackedDocument packed{{}, sha256_hex(document), document.size()};
  const std::string encoded = base64_encode(gzip(document));
  for (std::size_t at = 0; at < encoded.size(); at += part_bytes)
    packed.parts.push_back(encoded.substr(at, part_bytes));
  return packed;
}

Result<std::string> unpack_document(std::span<const std::string> parts, std::string_view sha256, std::uint64_t bytes,
                                    std::size_t limit) {
  std::string packed;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto part = base64_decode(parts[i]);
    if (!part) return fail_in(fmt::format("part {} of {}", i + 1, parts.size()), part.error());
    packed += *part;
  }
  auto document = gunzip(packed, limit);
  RETURN_IF_ERROR(document);
  if (document->size() != bytes) {
    return fail(ErrorKind::kInvalid, "{} bytes where status says {}", document->size(), bytes);
  }
  if (sha256_hex(*document) != sha256) {
    return fail(ErrorKind::kInvalid, "its SHA-256 is not the one in status: it was changed or damaged");
  }
  return document;
}

}  // namespace modelrun
