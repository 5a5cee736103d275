/// One cell of the picture of an image; it stands for one block or several.
package enum BlockCell: UInt8, Sendable, Hashable {
    case hole, missing, here, arriving, read
}
