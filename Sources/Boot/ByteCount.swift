import Formats

/// Bytes as people read and write them, under the name by which those who import Boot know it.
package typealias ByteCount = Formats.ByteCount
