// The parts of fmt that are not templates, compiled once. Debian ships fmt as headers and a shared library only: the
// static modelrun-sandbox cannot use the library, and header-only use compiles all of this again in every file (2.5 s
// each).
#include <fmt/format-inl.h>

namespace fmt {
inline namespace v9 {
namespace detail {

template auto thousands_sep_impl<char>(locale_ref) -> thousands_sep_result<char>;
template auto decimal_point_impl<char>(locale_ref) -> char;

}  // namespace detail
}  // namespace v9
}  // namespace fmt
