// A document that is kept in several objects: compressed by gzip, as base64, cut into parts. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace modelrun {

// Base64 characters in one ConfigMap. Under the API server's limit of 1 MiB for the data of a ConfigMap, and under
// etcd's 1.5 MiB for a request.
inline constexpr std::size_t kDocumentPartBytes = 768U << 10U;

struct PackedDocument {
  std::vector<std::string> parts;  // each of them can be decoded by itself
  std::string sha256;              // of the document: 64 lower-case hex digits
  std::uint64_t bytes = 0;         // of the document
};

// REQUIRES: `part_bytes` is a multiple of 4, and the document is smaller than 1 GiB.
PackedDocument pack_document(std::string_view document, std::size_t part_bytes = kDocumentPartBytes);

// The document. kInvalid when a part is not base64, the whole is not gzip, or size or digest are not those given;
// kTooLarge when it has more than `limit` bytes, which costs little more memory than `limit`.
Result<std::string> unpack_document(std::span<const std::string> parts, std::string_view sha256, std::uint64_t bytes,
                                    std::size_t limit);

}  // namespace modelrun
