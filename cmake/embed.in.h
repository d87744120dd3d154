// Made by cmake/Embed.cmake.
#pragma once

#include <span>
#include <string_view>

struct EmbeddedFile {
  std::string_view name;    // without its folder
  std::string_view sha256;  // hex
  std::string_view bytes;
};

std::span<const EmbeddedFile> @NAME@();
