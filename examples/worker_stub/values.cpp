// values.cpp: text that can be stored.
#include "values.hpp"

namespace stub {

std::string storable(std::string const& text) {
   std::string out;
   out.reserve(text.size());
   auto const byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
   auto const follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
   for (std::size_t i = 0; i < text.size();) {
      auto const b = byte(i);
      std::size_t length = 0;
      if (b > 0 && b < 0x80)
         length = 1;
      else if (b >= 0xC2 && b <= 0xDF && follows(i + 1))
         length = 2;
      else if (b >= 0xE0 && b <= 0xEF && follows(i + 1) && follows(i + 2) && !(b == 0xE0 && byte(i + 1) < 0xA0) &&
               !(b == 0xED && byte(i + 1) > 0x9F))
         length = 3;
      else if (b >= 0xF0 && b <= 0xF4 && follows(i + 1) && follows(i + 2) && follows(i + 3) &&
               !(b == 0xF0 && byte(i + 1) < 0x90) && !(b == 0xF4 && byte(i + 1) > 0x8F))
         length = 4;
      if (length == 0) {
         out += "\xEF\xBF\xBD";
         ++i;
      } else {
         out.append(text, i, length);
         i += length;
      }
   }
   return out;
}

} // namespace stub
