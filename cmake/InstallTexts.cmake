# At install: manual pages and completion, as the installed programs say them. HANDOFF_PROGRAM, HANDOFF_DAEMONS, HANDOFF_MAN and
# HANDOFF_SHARE are set by who runs this.
function(handoff_say file)
  get_filename_component(directory "${file}" DIRECTORY)
  file(MAKE_DIRECTORY "${directory}")
  execute_process(COMMAND ${ARGN} OUTPUT_FILE "${file}" COMMAND_ERROR_IS_FATAL ANY)
  message(STATUS "Installing: ${file}")
endfunction()

set(prefix "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
execute_process(COMMAND "${HANDOFF_PROGRAM}" man --dir "${prefix}/${HANDOFF_MAN}" COMMAND_ERROR_IS_FATAL ANY)
foreach(daemon IN LISTS HANDOFF_DAEMONS)
  get_filename_component(name "${daemon}" NAME)
  handoff_say("${prefix}/${HANDOFF_MAN}/man8/${name}.8" "${daemon}" --man)
endforeach()
handoff_say("${prefix}/${HANDOFF_SHARE}/bash-completion/completions/handoff" "${HANDOFF_PROGRAM}" completion bash)
handoff_say("${prefix}/${HANDOFF_SHARE}/zsh/site-functions/_handoff" "${HANDOFF_PROGRAM}" completion zsh)
handoff_say("${prefix}/${HANDOFF_SHARE}/fish/vendor_completions.d/handoff.fish" "${HANDOFF_PROGRAM}" completion fish)
