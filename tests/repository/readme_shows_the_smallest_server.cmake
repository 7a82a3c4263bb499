# The C++ block of README.md is examples/smallest/main.cpp, to the letter, so the page cannot rot.
file(READ ${ROOT}/README.md page)
file(READ ${ROOT}/examples/smallest/main.cpp program)
string(FIND "${page}" "```cpp\n${program}```" at)
if(at EQUAL -1)
  message(FATAL_ERROR "README.md does not show examples/smallest/main.cpp as it is")
endif()
