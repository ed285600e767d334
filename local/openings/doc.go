// Package openings plays openings of security groups on a local cloud and
// watches what the healing function makes of them: the corpus of evasions, a
// burst of events, and what each of them costs. All of it is tests and
// benchmarks, which run the built functions behind the synthesised template's
// rule and queue, against moto's EC2.
package openings
