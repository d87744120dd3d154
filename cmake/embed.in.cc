// Made by cmake/Embed.cmake.
#include "@NAME@.h"

namespace {
@arrays@
const EmbeddedFile kFiles[]{
@rows@};
}  // namespace

std::span<const EmbeddedFile> @NAME@() {
  return kFiles;
}
