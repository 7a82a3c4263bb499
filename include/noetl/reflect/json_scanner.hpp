// reflect/json_scanner.hpp: the tokens of a JSON text: where each ends, whether it is well-formed, what a string means.
// Knows core/ and, for Unicode escapes, taoJSON. Source: RFC 8259.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <tao/json/parts_parser.hpp>

#include <noetl/core/json_text.hpp>
#include <noetl/core/result.hpp>

namespace noetl {

namespace detail {

// The value of a string literal with `\u` in it: surrogate pairs and their misuse are taoJSON's.
inline bool unescape_with_tao(std::string_view literal, std::string& out) {
   using input = tao::json::pegtl::memory_input<tao::json::pegtl::tracking_mode::lazy, tao::json::pegtl::eol::lf_crlf,
                                                char const*>;
   try {
      tao::json::basic_parts_parser<input> parser(literal.data(), literal.data() + literal.size(), "");
      out = parser.string();
      return true;
   } catch (tao::json::pegtl::parse_error const&) {
      return false;
   }
}

} // namespace detail

/// The token level of json_reader. Functions return false after the first mistake and have recorded it.
class json_scanner {
public:
   static constexpr std::size_t default_depth = 64; ///< objects and arrays within each other

   /// Records a violation of JSON's grammar at the cursor. \return false
   bool malformed(std::string_view what) {
      std::size_t const line = 1 + static_cast<std::size_t>(std::count(begin_, at_, '\n'));
      char const* line_start = at_;
      while (line_start != begin_ && line_start[-1] != '\n') --line_start;
      std::string const column = std::to_string(at_ - line_start + 1);
      error_ = fail(error_code::bad_request, "malformed JSON at line " + std::to_string(line) + ", column " + column +
                                                 ": " + std::string(at_ == end_ ? "unexpected end" : what));
      return false;
   }

   /// Text for messages: at most 40 bytes of what the sender wrote.
   [[nodiscard]] static std::string shortened(std::string_view text) {
      if (text.size() <= 40) return std::string(text);
      std::size_t cut = 40;
      while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
      return std::string(text.substr(0, cut)) + "...";
   }

protected:
   explicit json_scanner(std::string_view text, std::size_t max_depth = default_depth)
       : begin_(text.data()), at_(begin_), end_(begin_ + text.size()), depth_left_(max_depth) {
      skip_space();
   }
   json_scanner(json_scanner const&) = delete;
   json_scanner& operator=(json_scanner const&) = delete;

   struct string_token {
      std::string_view body{}; // between the quotes
      bool escaped = false;    // has a backslash
      bool by_number = false;  // has \u
   };

   [[nodiscard]] char peek() const noexcept { return at_ != end_ ? *at_ : '\0'; }
   [[nodiscard]] bool starts_with(std::string_view word) const noexcept {
      return std::string_view(at_, static_cast<std::size_t>(end_ - at_)).substr(0, word.size()) == word;
   }
   [[nodiscard]] static bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
   [[nodiscard]] bool at_number() const noexcept { return is_digit(peek()) || peek() == '-'; }

   void skip_space() noexcept {
      while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
   }
   void next() noexcept {
      ++at_;
      skip_space();
   }
   bool enter() {
      if (depth_left_ == 0) return malformed("nested too deeply");
      --depth_left_;
      next();
      return true;
   }
   bool leave() {
      ++depth_left_;
      ++at_;
      return true;
   }

   bool number_token(bool& whole) {
      whole = true;
      if (peek() == '-') ++at_;
      if (!is_digit(peek())) return malformed("expected a digit");
      if (*at_ == '0')
         ++at_;
      else
         while (is_digit(peek())) ++at_;
      if (is_digit(peek())) return malformed("a number must not start with 0");
      if (peek() == '.') {
         whole = false;
         ++at_;
         if (!is_digit(peek())) return malformed("expected a digit");
         while (is_digit(peek())) ++at_;
      }
      if (peek() == 'e' || peek() == 'E') {
         whole = false;
         ++at_;
         if (peek() == '+' || peek() == '-') ++at_;
         if (!is_digit(peek())) return malformed("expected a digit");
         while (is_digit(peek())) ++at_;
      }
      return true;
   }

   // Whether a number other than zero is closer to zero than one: by the place of its first digit and its exponent.
   static bool below_one(std::string_view text) {
      auto const e = std::min(text.find_first_of("eE"), text.size());
      auto const mantissa = text.substr(0, e);
      auto const first = mantissa.find_first_of("123456789");
      auto const point = std::min(mantissa.find('.'), mantissa.size());
      auto const place = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first) - (first < point ? 1 : 0);
      auto power = text.substr(std::min(e + 1, text.size()));
      if (power.starts_with('+')) power.remove_prefix(1);
      std::int64_t exponent = 0;
      if (std::from_chars(power.data(), power.data() + power.size(), exponent).ec == std::errc::result_out_of_range)
         return power.starts_with('-');
      return exponent < -place;
   }

   // A number too small for the type is its zero; from_chars reports both ends alike.
   template <class Float>
   static bool to_float(char const* start, char const* end, Float& out) {
      auto const [stop, code] = std::from_chars(start, end, out);
      if (code == std::errc{}) return true;
      if (code != std::errc::result_out_of_range) return false;
      std::string_view const text(start, static_cast<std::size_t>(end - start));
      bool const tiny = below_one(text);
      if (tiny) out = text.front() == '-' ? Float{-0.0F} : Float{0.0F};
      return tiny;
   }

   // Parsers behind us (taoJSON) take exponents of nine digits, whatever their sign.
   static constexpr std::ptrdiff_t most_exponent_digits = 9;
   // \pre start..end is a number
   static std::ptrdiff_t exponent_digits(char const* start, char const* end) {
      auto const* at = std::find_if(start, end, [](char c) { return c == 'e' || c == 'E'; });
      auto const* const first = std::find_if(at, end, [](char c) { return c >= '1' && c <= '9'; });
      return end - first;
   }

   // \pre *at_ == '"'
   bool scan_string(string_token& token) {
      char const* const start = ++at_;
      while (true) {
         at_ = skip_plain_json(at_, end_);
         if (at_ == end_) return malformed("unterminated string");
         auto const c = static_cast<unsigned char>(*at_);
         if (c == '"') break;
         if (c == '\\') {
            token.escaped = true;
            if (++at_ == end_) return malformed("unterminated string");
            if (*at_ == 'u')
               token.by_number = true;
            else if (std::string_view(R"("\/bfnrt)").find(*at_) == std::string_view::npos)
               return malformed("unknown escape sequence");
            ++at_;
         } else if (c < 0x20) {
            return malformed("control character in a string");
         } else if (std::size_t const length = utf8_length(at_, end_); length > 0) {
            at_ += length;
         } else {
            return malformed("invalid UTF-8 in a string");
         }
      }
      token.body = {start, static_cast<std::size_t>(at_ - start)};
      ++at_;
      return true;
   }

   bool decode(string_token const& token, std::string& out) {
      if (!token.escaped) return out.assign(token.body), true;
      if (token.by_number) {
         // The literal with its quotes; both stand in the text around the body.
         if (detail::unescape_with_tao({token.body.data() - 1, token.body.size() + 2}, out)) return true;
         at_ = token.body.data();
         return malformed("invalid Unicode escape in a string");
      }
      out.clear();
      out.reserve(token.body.size());
      std::string_view rest = token.body;
      while (true) {
         std::size_t const stop = rest.find('\\');
         out.append(rest.substr(0, stop));
         if (stop == std::string_view::npos) return true;
         char const c = rest[stop + 1];
         switch (c) {
         case 'b': out.push_back('\b'); break;
         case 'f': out.push_back('\f'); break;
         case 'n': out.push_back('\n'); break;
         case 'r': out.push_back('\r'); break;
         case 't': out.push_back('\t'); break;
         default: out.push_back(c);
         }
         rest.remove_prefix(stop + 2);
      }
   }

   // Checks everything that reading would check; `spaced` becomes true when there is space between tokens.
   bool skip_value(bool& spaced) {
      switch (peek()) {
      case '{': return skip_container('}', spaced);
      case '[': return skip_container(']', spaced);
      case '"': return skip_string();
      case 't': return skip_word("true");
      case 'f': return skip_word("false");
      case 'n': return skip_word("null");
      default: return at_number() ? skip_number() : malformed("expected a value");
      }
   }
   bool skip_word(std::string_view word) {
      if (!starts_with(word)) return malformed("expected a value");
      at_ += word.size();
      return true;
   }
   bool skip_string() {
      string_token token;
      return scan_string(token) && (!token.by_number || decode(token, scratch_));
   }
   bool skip_number() {
      char const* const start = at_;
      bool whole = false;
      if (!number_token(whole)) return false;
      // Only these can be beyond what a double holds, and few are: whoever reads the text later must be able to.
      auto const is_exponent = [](char c) { return c == 'e' || c == 'E'; };
      if (at_ - start < 300 && (whole || std::none_of(start, at_, is_exponent))) return true;
      double ignored = 0;
      if (to_float(start, at_, ignored) && exponent_digits(start, at_) <= most_exponent_digits) return true;
      beyond_ = {start, at_};
      return false;
   }
   bool skip_container(char close, bool& spaced) {
      if (depth_left_ == 0) return malformed("nested too deeply");
      --depth_left_;
      ++at_;
      note_space(spaced);
      if (peek() == close) return leave();
      while (true) {
         if (close == '}') {
            if (peek() != '"') return malformed("expected a member name");
            if (!skip_string()) return false;
            note_space(spaced);
            if (peek() != ':') return malformed("expected ':'");
            ++at_;
            note_space(spaced);
         }
         if (!skip_value(spaced)) return false;
         note_space(spaced);
         if (peek() == close) return leave();
         if (peek() != ',') return malformed(close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
         ++at_;
         note_space(spaced);
      }
   }
   void note_space(bool& spaced) noexcept {
      char const* const before = at_;
      skip_space();
      spaced |= at_ != before;
   }

   // \pre [at, end) is one checked value
   static void append_compact(std::string& out, char const* at, char const* end) {
      std::size_t const before = out.size();
      out.resize(before + static_cast<std::size_t>(end - at));
      char* to = out.data() + before;
      char const* start = at; // of what is not copied yet
      while (at != end) {
         if (*at == '"') {
            at = skip_plain_json(at + 1, end);
            while (*at != '"') at = skip_plain_json(at + (*at == '\\' ? 2 : 1), end);
            ++at;
         } else if (static_cast<unsigned char>(*at) > ' ') {
            ++at;
         } else {
            to = std::copy(start, at, to);
            while (at != end && static_cast<unsigned char>(*at) <= ' ') ++at;
            start = at;
         }
      }
      to = std::copy(start, at, to);
      out.resize(static_cast<std::size_t>(to - out.data()));
   }

   char const* begin_;
   char const* at_;
   char const* end_;
   std::size_t depth_left_;
   std::string scratch_;
   std::string_view beyond_{}; // a number that no double holds
   error error_;
};

} // namespace noetl
