"""May V7 reach this bucket? Pure evaluation of policies and CORS: values in, values out, no I/O."""
