// Finds the word that was probably meant. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace modelrun::cli {

// The one of `known` that is nearest to `word` by single letters that are missing, added, changed or swapped with their
// neighbour; empty if none is nearer than half of its letters, and at most two, away.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace modelrun::cli
