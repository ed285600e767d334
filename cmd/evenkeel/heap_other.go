//go:build !linux

package main

// growHeap is for Linux alone: elsewhere the system chooses the size of pages.
func growHeap(int) {}
