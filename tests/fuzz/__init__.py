"""Random answers, guided by the code that they reach, against what a decoder promises."""
