# scripts/check-conformance must refuse pages with one mistake of each kind: -DROOT=<project> -DFOLDER=<scratch>
file(REMOVE_RECURSE "${FOLDER}")
file(READ "${ROOT}/docs/conformance.md" page)
file(WRITE "${FOLDER}/tests/workflow/one_test.cpp" "TEST(decide, something_else) {}\n")

function(refused text words)
  file(WRITE "${FOLDER}/docs/conformance.md" "${text}")
  execute_process(COMMAND "${ROOT}/scripts/check-conformance" "${FOLDER}"
    RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(code EQUAL 0 OR NOT out MATCHES "${words}")
    message(FATAL_ERROR "expected a refusal with '${words}', got ${code}: ${out}")
  endif()
endfunction()

refused("${page}" "there is no test decide")
refused("${page}" "C-02: no test has C02 in its name")
string(REPLACE "| C-30 |" "| C-31 |" renumbered "${page}")
refused("${renumbered}" "must list C-01 to C-60")
string(REGEX REPLACE "(\\| C-31 \\| [^|]*\\|)[^\n]*" "\\1 |" bare "${page}")
refused("${bare}" "C-31 has no test")
