# Embeds templates/*.cedar as C++ raw strings: AEGIS_TEMPLATES_CC is the source made of
# templates.cc.in. A changed template configures again.
foreach(template default-deny allow-read-only permit-all project net-anthropic net-git net-openai
    net-registries programs)
  set(file ${CMAKE_CURRENT_SOURCE_DIR}/templates/${template}.cedar)
  file(READ ${file} AEGIS_TEMPLATE_${template})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
endforeach()
set(AEGIS_TEMPLATES_CC ${CMAKE_CURRENT_BINARY_DIR}/templates.cc)
configure_file(templates.cc.in ${AEGIS_TEMPLATES_CC} @ONLY)
