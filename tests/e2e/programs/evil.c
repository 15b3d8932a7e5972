// A program that must never run: leaves a mark on its standard output.
#include <stdio.h>

int main(void) {
  puts("CANARY-RAN");
  return 0;
}
